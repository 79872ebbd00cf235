using Personalize.Core.Kernels;

namespace Personalize.Core.Tests.Kernels;

public sealed unsafe class PanelProductTests
{
    [Theory]
    [InlineData(6, 16, 7, false)]
    [InlineData(12, 32, 64, true)]
    [InlineData(31, 32, 40, true)]
    [InlineData(24, 32, 296, false)]
    [InlineData(20, 32, 296, true)]
    [InlineData(3, 32, 11, false)]
    [InlineData(5, 3, 9, true)]
    [InlineData(25, 21, 33, false)]
    public void Every_path_gives_the_bits_of_the_scalar_definition(int rows, int width, int depth, bool accumulate)
    {
        const int Stride = 40;
        var x = RandomWeights.Vector(rows * depth, 1);
        var panels = RandomWeights.Vector(WeightPanel.Span * depth, 2);
        var initial = RandomWeights.Vector(rows * Stride, 3);
        var packed = new float[PackedTokens.PanelCount(rows) * PackedTokens.Height * depth];
        var (scalar, avx2, avx512, run) = ((float[])initial.Clone(), (float[])initial.Clone(), (float[])initial.Clone(), (float[])initial.Clone());
        fixed (float* px = x, pa = packed, pb = panels, ps = scalar, p2 = avx2, p5 = avx512, pr = run)
        {
            for (var i = 0; i < rows; i += PackedTokens.Height)
            {
                PackedTokens.Pack(px + (i * depth), depth, Math.Min(PackedTokens.Height, rows - i), depth, pa + (i * depth));
            }

            PanelProduct.Scalar(pa, pb, ps, Stride, rows, width, depth, accumulate);
            PanelProduct.RunAvx2(pa, pb, p2, Stride, rows, width, depth, accumulate);
            PanelProduct.RunAvx512(pa, pb, p5, Stride, rows, width, depth, accumulate);
            PanelProduct.Run(pa, pb, pr, Stride, rows, width, depth, accumulate);
        }

        Assert.Equal(scalar, avx2);
        Assert.Equal(scalar, avx512);
        Assert.Equal(scalar, run);

        // The definition itself, and that nothing beside the block was written.
        for (var i = 0; i < rows; i++)
        {
            for (var j = 0; j < Stride; j++)
            {
                var expected = accumulate || j >= width ? initial[(i * Stride) + j] : 0d;
                for (var d = 0; d < depth && j < width; d++)
                {
                    expected += (double)x[(i * depth) + d] * panels[(j / 16 * depth * 16) + (d * 16) + (j % 16)];
                }

                Assert.Equal(expected, scalar[(i * Stride) + j], 1e-5 * depth);
            }
        }
    }

    [Theory]
    [InlineData(6, 13)]
    [InlineData(4, 8)]
    [InlineData(1, 1)]
    public void Packing_puts_the_rows_of_an_index_side_by_side(int rows, int depth)
    {
        var x = RandomWeights.Vector(rows * 20, 4);
        var packed = new float[PackedTokens.Height * depth];
        Array.Fill(packed, float.NaN);
        fixed (float* px = x, pa = packed)
        {
            PackedTokens.Pack(px, 20, rows, depth, pa);
        }

        for (var d = 0; d < depth; d++)
        {
            for (var i = 0; i < PackedTokens.Height; i++)
            {
                Assert.Equal(i < rows ? x[(i * 20) + d] : 0, packed[(d * PackedTokens.Height) + i]);
            }
        }
    }
}
