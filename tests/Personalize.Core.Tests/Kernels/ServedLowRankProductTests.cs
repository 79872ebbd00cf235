using Personalize.Core.Adapters;
using Personalize.Core.Kernels;
using Personalize.Core.Quantization;

namespace Personalize.Core.Tests.Kernels;

public sealed unsafe class ServedLowRankProductTests
{
    private const int Lanes = 8;
    private const int Outputs = 48;

    [Fact]
    public void Inner_products_are_rounded_to_their_largest()
    {
        float[] h = [0f, -2.54f, 1.27f, 0.02f, 0.03f, -0.011f, 2.5f, -0.009f, /* another token's, after a gap */ 9f, 9f, 0f, 0f, 0f, 0f, 0f, 0f, 0f, 0f];
        fixed (float* p = h)
        {
            ServedLowRankProduct.Round(p, stride: 10, tokens: 2);
            var first = *(RoundedInnerProducts*)p;
            Assert.Equal(2.54f / 127, first.Scale);
            Assert.Equal([0, -127, 64, 1, 2, -1, 125, 0], Bytes(first));
            Assert.Equal(-128 * 64, first.MinusExcess);
            Assert.Equal(new RoundedInnerProducts(0f, 0, 0, 0), *(RoundedInnerProducts*)(p + 10));
        }
    }

    [Fact]
    public void What_is_not_a_number_stays_so()
    {
        float[] h = [1f, float.NaN, 2f, 3f, 4f, 5f, 6f, 7f];
        fixed (float* p = h)
        {
            ServedLowRankProduct.Round(p, Lanes, tokens: 1);
            Assert.True(float.IsNaN(((RoundedInnerProducts*)p)->Scale));
        }
    }

    [Theory]
    [InlineData(8, 1)]
    [InlineData(8, 4)]
    [InlineData(13, 3)]
    [InlineData(13, 4)]
    [InlineData(16, 7)]
    [InlineData(24, 1)]
    public void Every_instruction_set_gives_the_bits_of_the_definition(int rank, int tokens)
    {
        using var pair = new LowRankPair(new LoraPair(0, LinearModule.Query, rank, RandomWeights.Vector(rank * 32, 1), RandomWeights.Vector(Outputs * rank, 2)), scale: 2f);
        var term = pair.ServedTerm;
        var h = RandomWeights.Vector(tokens * term.Rank, 3);
        var y = RandomWeights.Vector(tokens * Outputs, 4);
        fixed (float* p = h)
        {
            for (var eight = 0; eight < term.Rank; eight += Lanes)
            {
                ServedLowRankProduct.Round(p + eight, term.Rank, tokens);
            }

            var expected = Expected(term, p, y, tokens);
            Assert.Equal(expected, Run<PortableDotProduct>(term, p, y, tokens));
            if (InstructionSets.HasAvx2)
            {
                Assert.Equal(expected, Run<Avx2DotProduct>(term, p, y, tokens));
            }

            if (InstructionSets.HasAvxVnni)
            {
                Assert.Equal(expected, Run<AvxVnniDotProduct>(term, p, y, tokens));
            }
        }
    }

    private static float[] Run<TDot>(in ServedLowRankTerm term, float* h, float[] y, int tokens)
        where TDot : struct, IDotProduct
    {
        var result = y.ToArray();
        fixed (float* p = result)
        {
            // From the second group on, as a thread's share begins.
            ServedLowRankProduct.Up<TDot>(term, h, group: 1, (Outputs / PackedMatrix.RowsPerGroup) - 1, p + PackedMatrix.RowsPerGroup, Outputs, tokens);
        }

        return result;
    }

    private static float[] Expected(in ServedLowRankTerm term, float* h, float[] y, int tokens)
    {
        var result = y.ToArray();
        for (var t = 0; t < tokens; t++)
        {
            for (var n = PackedMatrix.RowsPerGroup; n < Outputs; n++)
            {
                var group = n / PackedMatrix.RowsPerGroup;
                for (var eight = 0; eight < term.Rank; eight += Lanes)
                {
                    var inner = *(RoundedInnerProducts*)(h + (t * term.Rank) + eight);
                    var values = Bytes(inner);
                    var dot = 0;
                    for (var r = 0; r < Lanes; r++)
                    {
                        dot += values[r] * ((sbyte*)term.Up)[(((group * term.Rank) + eight + (r / 4 * 4)) * Lanes) + (n % PackedMatrix.RowsPerGroup * 4) + (r % 4)];
                    }

                    ref var sum = ref result[(t * Outputs) + n];
                    sum = MathF.FusedMultiplyAdd(((float*)term.UpScales)[group] * inner.Scale, dot, sum);
                }
            }
        }

        return result;
    }

    private static int[] Bytes(RoundedInnerProducts inner) =>
        [.. BitConverter.GetBytes(inner.First).Concat(BitConverter.GetBytes(inner.Second)).Select(value => (int)(sbyte)value)];
}
