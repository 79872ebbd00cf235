using Personalize.Core.Kernels;

namespace Personalize.Core.Tests.Kernels;

public sealed unsafe class PackedMultiplyTests
{
    [Theory]
    [InlineData(32, 32, 32, false)]
    [InlineData(97, 50, 289, true)]
    [InlineData(391, 33, 600, true)]
    [InlineData(48, 192, 288, false)]
    public void The_blocks_of_a_sum_are_added_in_order_whatever_the_threads(int m, int n, int depth, bool accumulate)
    {
        // Rows of B and of C lie further apart than they are long, each by its own distance.
        var (ldb, ldc) = (n + 3, n + 5);
        var a = RandomWeights.Vector(m * depth, 1);
        var b = RandomWeights.Vector(depth * ldb, 2);
        var initial = RandomWeights.Vector(m * ldc, 3);
        foreach (var (rowStride, depthStride) in new[] { (depth, 1), (1, m) })
        {
            Assert.True(PackedMultiply.Takes(rowStride, depthStride, m, n, depth));
            var expected = Define(a, rowStride, depthStride, b, ldb, initial, ldc, m, n, depth, accumulate);
            foreach (var threads in new[] { 1, 2, 3 })
            {
                using var pool = new WorkerPool(threads);
                var actual = (float[])initial.Clone();
                fixed (float* pa = a, pb = b, pc = actual)
                {
                    DenseMultiply.Run(pool, pa, rowStride, depthStride, pb, ldb, pc, ldc, m, n, depth, accumulate);
                }

                Assert.Equal(expected, actual);
            }
        }
    }

    [Fact]
    public void What_lies_beside_the_result_stays()
    {
        const int Size = 40;
        const int Stride = 48;
        using var pool = new WorkerPool(2);
        var a = RandomWeights.Vector(Size * Size, 1);
        var b = RandomWeights.Vector(Size * Stride, 2);
        var c = new float[Size * Stride];
        c.AsSpan().Fill(7);
        fixed (float* pa = a, pb = b, pc = c)
        {
            PackedMultiply.Run(pool, pa, Size, 1, pb, Stride, pc, Stride, Size, Size, Size, accumulate: false);
        }

        for (var row = 0; row < Size; row++)
        {
            Assert.All(c[((row * Stride) + Size)..((row + 1) * Stride)], beside => Assert.Equal(7, beside));
        }
    }

    private static float[] Define(float[] a, int rowStride, int depthStride, float[] b, int ldb, float[] initial, int ldc, int m, int n, int depth, bool accumulate)
    {
        var blocks = (depth + FloatMatrixMultiply.LongestBlock - 1) / FloatMatrixMultiply.LongestBlock;
        var block = (depth + blocks - 1) / blocks;
        var result = (float[])initial.Clone();
        for (var i = 0; i < m; i++)
        {
            for (var j = 0; j < n; j++)
            {
                for (var start = 0; start < depth; start += block)
                {
                    var sum = 0f;
                    for (var d = start; d < Math.Min(start + block, depth); d++)
                    {
                        sum = MathF.FusedMultiplyAdd(a[(i * rowStride) + (d * depthStride)], b[(d * ldb) + j], sum);
                    }

                    result[(i * ldc) + j] = accumulate || start > 0 ? result[(i * ldc) + j] + sum : sum;
                }
            }
        }

        return result;
    }
}
