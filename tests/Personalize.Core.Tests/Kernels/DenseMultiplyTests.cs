using Personalize.Core.Kernels;

namespace Personalize.Core.Tests.Kernels;

public sealed unsafe class DenseMultiplyTests
{
    [Theory]
    [InlineData(1, 1, 1, false)]
    [InlineData(8, 576, 33, true)]
    [InlineData(50, 8, 577, false)]
    [InlineData(13, 19, 5, true)]
    [InlineData(24, 64, 31, true)]
    [InlineData(16, 40, 31, false)]
    [InlineData(20, 51, 31, true)]
    [InlineData(29, 34, 12, false)]
    public void Every_path_gives_the_bits_of_the_scalar_definition(int m, int n, int depth, bool accumulate)
    {
        using var pool = new WorkerPool(2);
        var a = RandomWeights.Vector(m * depth, 1);
        var b = RandomWeights.Vector(depth * n, 2);
        var initial = RandomWeights.Vector(m * n, 3);
        fixed (float* pa = a, pb = b)
        {
            foreach (var (rowStride, depthStride) in new[] { ((long)depth, 1L), (1L, (long)m) })
            {
                var expected = (float[])initial.Clone();
                var pooled = (float[])initial.Clone();
                var avx2 = (float[])initial.Clone();
                var avx512 = (float[])initial.Clone();
                fixed (float* pe = expected, pp = pooled, p2 = avx2, p5 = avx512)
                {
                    GemmTile.Scalar(pa, rowStride, depthStride, pb, n, pe, n, m, n, depth, accumulate);
                    DenseMultiply.Run(pool, pa, rowStride, depthStride, pb, n, pp, n, m, n, depth, accumulate);
                    GemmTile.RunAvx2(pa, rowStride, depthStride, pb, n, p2, n, m, n, depth, accumulate);
                    GemmTile.RunAvx512(pa, rowStride, depthStride, pb, n, p5, n, m, n, depth, accumulate);
                }

                Assert.Equal(expected, pooled);
                Assert.Equal(expected, avx2);
                Assert.Equal(expected, avx512);
            }
        }
    }
}
