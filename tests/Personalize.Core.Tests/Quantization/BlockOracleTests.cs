using Personalize.Core.Formats.Safetensors;
using Personalize.Core.Quantization;
using Personalize.TestSupport;

namespace Personalize.Core.Tests.Quantization;

/// <summary>The scalar references against gguf-py, bit for bit.</summary>
public sealed class BlockOracleTests
{
    private const string Oracle = "oracles/quantization/blocks.safetensors";

    [Theory]
    [InlineData(GgmlType.Q4_0)]
    [InlineData(GgmlType.Q4_1)]
    [InlineData(GgmlType.Q8_0)]
    public void Values_of_the_slice_are_met(GgmlType type) => HoldValues(SharedFiles.Fixture("quantization/blocks.safetensors"), type);

    [SharedTheory(Oracle)]
    [InlineData(GgmlType.Q4_0)]
    [InlineData(GgmlType.Q4_1)]
    [InlineData(GgmlType.Q8_0)]
    public void All_values_are_met(GgmlType type) => HoldValues(SharedFiles.Resolve(Oracle), type);

    [Theory]
    [InlineData(GgmlType.F16)]
    [InlineData(GgmlType.BF16)]
    [InlineData(GgmlType.Q4_0)]
    [InlineData(GgmlType.Q4_1)]
    [InlineData(GgmlType.Q8_0)]
    public void Quantized_bytes_of_the_slice_are_met(GgmlType type) => HoldBytes(SharedFiles.Fixture("quantization/blocks.safetensors"), type);

    [SharedTheory(Oracle)]
    [InlineData(GgmlType.F16)]
    [InlineData(GgmlType.BF16)]
    [InlineData(GgmlType.Q4_0)]
    [InlineData(GgmlType.Q4_1)]
    [InlineData(GgmlType.Q8_0)]
    public void All_quantized_bytes_are_met(GgmlType type) => HoldBytes(SharedFiles.Resolve(Oracle), type);

    private static void HoldValues(string path, GgmlType type)
    {
        using var file = SafetensorsFile.Open(path);
        var expected = file.ReadSingles($"{type}.values");
        var actual = new float[expected.Length];

        BlockCodec.Dequantize(type, file.GetData(file.GetTensor($"{type}.bytes")), actual);

        Assert.Equal(expected.Select(BitConverter.SingleToInt32Bits), actual.Select(BitConverter.SingleToInt32Bits));
    }

    private static void HoldBytes(string path, GgmlType type)
    {
        using var file = SafetensorsFile.Open(path);
        var expected = file.GetData(file.GetTensor($"quantize.{type}")).ToArray();
        var actual = new byte[expected.Length];

        BlockCodec.Quantize(type, file.ReadSingles("quantize.input"), actual);

        Assert.Equal(expected, actual);
    }
}
