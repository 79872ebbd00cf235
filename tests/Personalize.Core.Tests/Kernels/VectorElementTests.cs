using Personalize.Core.Kernels;
using Personalize.Core.Quantization;

namespace Personalize.Core.Tests.Kernels;

public sealed unsafe class VectorElementTests
{
    [Fact]
    public void Upper_halves_are_rounded_and_widened_as_the_block_codec_does()
    {
        // Ties to an even and to an odd last place, both signs, a carry into the exponent, the ends of the range, and numbers of all sizes.
        uint[] special = [0x3F80_8000, 0x3F81_8000, 0xBF80_8000, 0xBF81_8000, 0x3F80_7FFF, 0x3F80_8001, 0x3FFF_8000, 0x0000_0001, 0x8000_0000, 0x7F7F_0000, 0x0080_0000];
        var random = new Random(5);
        var values = special.Select(BitConverter.UInt32BitsToSingle).Concat(Enumerable.Range(0, 1013).Select(_ => (random.NextSingle() - 0.5f) * MathF.Pow(2, random.Next(-60, 60)))).ToArray();
        var expected = new byte[values.Length * 2];
        BF16Block.Quantize(values, expected);
        var widened = new float[values.Length];
        BF16Block.Dequantize(expected, widened);

        var stored = new byte[expected.Length];
        var loaded = new float[values.Length];
        fixed (float* from = values)
        fixed (byte* to = stored)
        {
            for (var i = 0; i < values.Length; i += 8)
            {
                BFloat16Element.Store(from + i, to + (2 * i));
                for (var lane = 0; lane < 8; lane++)
                {
                    loaded[i + lane] = BFloat16Element.Load(to + (2 * i))[lane];
                }
            }
        }

        Assert.Equal(expected, stored);
        Assert.Equal(widened, loaded);
    }
}
