using Personalize.Core.Adapters;
using Personalize.Core.Quantization;
using Personalize.Inference.Adapters;
using Personalize.Inference.Tests.Adapters;
using Personalize.Inference.Tests.Merging;

namespace Personalize.Inference.Tests.Decoding;

/// <summary>Chunks and threads change no bit of the served logits, with and without an adapter.</summary>
public sealed class ChunkBitsTests(SmolModelFixture fixture) : IClassFixture<SmolModelFixture>
{
    private const string Peft = "oracles/lora/peft-adapter";
    private const int ContextLength = 512;

    [Theory]
    [InlineData(GgmlType.Q4_0, false)]
    [InlineData(GgmlType.Q4_0, true)]
    [InlineData(GgmlType.Q4_1, false)]
    [InlineData(GgmlType.Q4_1, true)]
    [InlineData(GgmlType.Q8_0, false)]
    [InlineData(GgmlType.Q8_0, true)]
    [InlineData(GgmlType.F16, true)]
    public void Of_a_tiny_model(GgmlType type, bool withAdapter)
    {
        using var tiny = new TinyMerge(type, ContextLength);
        using var attached = withAdapter ? new AttachedAdapter(RandomAdapter.Create(tiny.Model, seed: 5), tiny.Model) : null;
        ChunkBits.AreEqual(tiny.Model, attached);
    }

    [SharedTheory(Peft)]
    [InlineData(false)]
    [InlineData(true)]
    public void Of_the_real_model(bool withAdapter)
    {
        using var attached = withAdapter
            ? new AttachedAdapter(PeftAdapter.Import(SharedFiles.Resolve(Peft), fixture.Model.Description, fixture.Model.Fingerprint), fixture.Model)
            : null;
        ChunkBits.AreEqual(fixture.Model, attached);
    }
}
