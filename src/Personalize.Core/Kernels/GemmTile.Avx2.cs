using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Personalize.Core.Kernels;

/// <content>256-bit tiles: 12 accumulators, two columns of B and one broadcast fit the 16 registers.</content>
internal static unsafe partial class GemmTile
{
    /// <summary>As <see cref="Scalar"/>, with tiles of 6 rows by 16 columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void RunAvx2(float* a, long aRowStride, long aDepthStride, float* b, long ldb, float* c, long ldc, int m, int n, int depth, bool accumulate)
    {
        for (var j = 0; j < n;)
        {
            var width = n - j >= 16 ? 16 : n - j >= 8 ? 8 : n - j;
            var i = 0;
            for (; width == 16 && m - i >= 6 && m - i != 8; i += 6)
            {
                Avx2Tile6x16(a + (i * aRowStride), aRowStride, aDepthStride, b + j, ldb, c + (i * ldc) + j, ldc, depth, accumulate);
            }

            for (; width == 8 && i + 6 <= m; i += 6)
            {
                Avx2Tile6x8(a + (i * aRowStride), aRowStride, aDepthStride, b + j, ldb, c + (i * ldc) + j, ldc, depth, accumulate);
            }

            // Eight rows, the rank of most adapters, are twice four: six and two would leave the two alone with the latency of their sums.
            for (; width == 16 && m - i >= 4; i += 4)
            {
                Avx2Tile4x16(a + (i * aRowStride), aRowStride, aDepthStride, b + j, ldb, c + (i * ldc) + j, ldc, depth, accumulate);
            }

            for (; width == 16 && i < m; i++)
            {
                Avx2Tile1x16(a + (i * aRowStride), aRowStride, aDepthStride, b + j, ldb, c + (i * ldc) + j, ldc, depth, accumulate);
            }

            for (; width == 8 && i < m; i++)
            {
                Avx2Tile1x8(a + (i * aRowStride), aRowStride, aDepthStride, b + j, ldb, c + (i * ldc) + j, ldc, depth, accumulate);
            }

            if (i < m)
            {
                Scalar(a + (i * aRowStride), aRowStride, aDepthStride, b + j, ldb, c + (i * ldc) + j, ldc, m - i, width, depth, accumulate);
            }

            j += width;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Avx2Tile6x16(float* a, long aRowStride, long aDepthStride, float* b, long ldb, float* c, long ldc, int depth, bool accumulate)
    {
        var c0a = accumulate ? Vector256.Load(c + (0 * ldc)) : Vector256<float>.Zero;
        var c0b = accumulate ? Vector256.Load(c + (0 * ldc) + 8) : Vector256<float>.Zero;
        var c1a = accumulate ? Vector256.Load(c + (1 * ldc)) : Vector256<float>.Zero;
        var c1b = accumulate ? Vector256.Load(c + (1 * ldc) + 8) : Vector256<float>.Zero;
        var c2a = accumulate ? Vector256.Load(c + (2 * ldc)) : Vector256<float>.Zero;
        var c2b = accumulate ? Vector256.Load(c + (2 * ldc) + 8) : Vector256<float>.Zero;
        var c3a = accumulate ? Vector256.Load(c + (3 * ldc)) : Vector256<float>.Zero;
        var c3b = accumulate ? Vector256.Load(c + (3 * ldc) + 8) : Vector256<float>.Zero;
        var c4a = accumulate ? Vector256.Load(c + (4 * ldc)) : Vector256<float>.Zero;
        var c4b = accumulate ? Vector256.Load(c + (4 * ldc) + 8) : Vector256<float>.Zero;
        var c5a = accumulate ? Vector256.Load(c + (5 * ldc)) : Vector256<float>.Zero;
        var c5b = accumulate ? Vector256.Load(c + (5 * ldc) + 8) : Vector256<float>.Zero;

        // Two pointers and two strides reach six rows with one addressing mode each; a third of the instructions would go into addresses otherwise.
        var twoRows = 2 * aRowStride;
        var p = a + (3 * aRowStride);
        for (var d = 0; d < depth; d++)
        {
            var ba = Vector256.Load(b);
            var bb = Vector256.Load(b + 8);
            var x0 = Vector256.Create(a[0]);
            c0a = Vector256.FusedMultiplyAdd(x0, ba, c0a);
            c0b = Vector256.FusedMultiplyAdd(x0, bb, c0b);
            var x1 = Vector256.Create(a[aRowStride]);
            c1a = Vector256.FusedMultiplyAdd(x1, ba, c1a);
            c1b = Vector256.FusedMultiplyAdd(x1, bb, c1b);
            var x2 = Vector256.Create(a[twoRows]);
            c2a = Vector256.FusedMultiplyAdd(x2, ba, c2a);
            c2b = Vector256.FusedMultiplyAdd(x2, bb, c2b);
            var x3 = Vector256.Create(p[0]);
            c3a = Vector256.FusedMultiplyAdd(x3, ba, c3a);
            c3b = Vector256.FusedMultiplyAdd(x3, bb, c3b);
            var x4 = Vector256.Create(p[aRowStride]);
            c4a = Vector256.FusedMultiplyAdd(x4, ba, c4a);
            c4b = Vector256.FusedMultiplyAdd(x4, bb, c4b);
            var x5 = Vector256.Create(p[twoRows]);
            c5a = Vector256.FusedMultiplyAdd(x5, ba, c5a);
            c5b = Vector256.FusedMultiplyAdd(x5, bb, c5b);
            a += aDepthStride;
            p += aDepthStride;
            b += ldb;
        }

        c0a.Store(c + (0 * ldc));
        c0b.Store(c + (0 * ldc) + 8);
        c1a.Store(c + (1 * ldc));
        c1b.Store(c + (1 * ldc) + 8);
        c2a.Store(c + (2 * ldc));
        c2b.Store(c + (2 * ldc) + 8);
        c3a.Store(c + (3 * ldc));
        c3b.Store(c + (3 * ldc) + 8);
        c4a.Store(c + (4 * ldc));
        c4b.Store(c + (4 * ldc) + 8);
        c5a.Store(c + (5 * ldc));
        c5b.Store(c + (5 * ldc) + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Avx2Tile4x16(float* a, long aRowStride, long aDepthStride, float* b, long ldb, float* c, long ldc, int depth, bool accumulate)
    {
        var c0a = accumulate ? Vector256.Load(c + (0 * ldc)) : Vector256<float>.Zero;
        var c0b = accumulate ? Vector256.Load(c + (0 * ldc) + 8) : Vector256<float>.Zero;
        var c1a = accumulate ? Vector256.Load(c + (1 * ldc)) : Vector256<float>.Zero;
        var c1b = accumulate ? Vector256.Load(c + (1 * ldc) + 8) : Vector256<float>.Zero;
        var c2a = accumulate ? Vector256.Load(c + (2 * ldc)) : Vector256<float>.Zero;
        var c2b = accumulate ? Vector256.Load(c + (2 * ldc) + 8) : Vector256<float>.Zero;
        var c3a = accumulate ? Vector256.Load(c + (3 * ldc)) : Vector256<float>.Zero;
        var c3b = accumulate ? Vector256.Load(c + (3 * ldc) + 8) : Vector256<float>.Zero;
        var p = a + (2 * aRowStride);
        for (var d = 0; d < depth; d++)
        {
            var ba = Vector256.Load(b);
            var bb = Vector256.Load(b + 8);
            var x0 = Vector256.Create(a[0]);
            c0a = Vector256.FusedMultiplyAdd(x0, ba, c0a);
            c0b = Vector256.FusedMultiplyAdd(x0, bb, c0b);
            var x1 = Vector256.Create(a[aRowStride]);
            c1a = Vector256.FusedMultiplyAdd(x1, ba, c1a);
            c1b = Vector256.FusedMultiplyAdd(x1, bb, c1b);
            var x2 = Vector256.Create(p[0]);
            c2a = Vector256.FusedMultiplyAdd(x2, ba, c2a);
            c2b = Vector256.FusedMultiplyAdd(x2, bb, c2b);
            var x3 = Vector256.Create(p[aRowStride]);
            c3a = Vector256.FusedMultiplyAdd(x3, ba, c3a);
            c3b = Vector256.FusedMultiplyAdd(x3, bb, c3b);
            a += aDepthStride;
            p += aDepthStride;
            b += ldb;
        }

        c0a.Store(c + (0 * ldc));
        c0b.Store(c + (0 * ldc) + 8);
        c1a.Store(c + (1 * ldc));
        c1b.Store(c + (1 * ldc) + 8);
        c2a.Store(c + (2 * ldc));
        c2b.Store(c + (2 * ldc) + 8);
        c3a.Store(c + (3 * ldc));
        c3b.Store(c + (3 * ldc) + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Avx2Tile6x8(float* a, long aRowStride, long aDepthStride, float* b, long ldb, float* c, long ldc, int depth, bool accumulate)
    {
        var c0a = accumulate ? Vector256.Load(c + (0 * ldc)) : Vector256<float>.Zero;
        var c1a = accumulate ? Vector256.Load(c + (1 * ldc)) : Vector256<float>.Zero;
        var c2a = accumulate ? Vector256.Load(c + (2 * ldc)) : Vector256<float>.Zero;
        var c3a = accumulate ? Vector256.Load(c + (3 * ldc)) : Vector256<float>.Zero;
        var c4a = accumulate ? Vector256.Load(c + (4 * ldc)) : Vector256<float>.Zero;
        var c5a = accumulate ? Vector256.Load(c + (5 * ldc)) : Vector256<float>.Zero;

        // Two pointers and two strides reach six rows with one addressing mode each; a third of the instructions would go into addresses otherwise.
        var twoRows = 2 * aRowStride;
        var p = a + (3 * aRowStride);
        for (var d = 0; d < depth; d++)
        {
            var ba = Vector256.Load(b);
            var x0 = Vector256.Create(a[0]);
            c0a = Vector256.FusedMultiplyAdd(x0, ba, c0a);
            var x1 = Vector256.Create(a[aRowStride]);
            c1a = Vector256.FusedMultiplyAdd(x1, ba, c1a);
            var x2 = Vector256.Create(a[twoRows]);
            c2a = Vector256.FusedMultiplyAdd(x2, ba, c2a);
            var x3 = Vector256.Create(p[0]);
            c3a = Vector256.FusedMultiplyAdd(x3, ba, c3a);
            var x4 = Vector256.Create(p[aRowStride]);
            c4a = Vector256.FusedMultiplyAdd(x4, ba, c4a);
            var x5 = Vector256.Create(p[twoRows]);
            c5a = Vector256.FusedMultiplyAdd(x5, ba, c5a);
            a += aDepthStride;
            p += aDepthStride;
            b += ldb;
        }

        c0a.Store(c + (0 * ldc));
        c1a.Store(c + (1 * ldc));
        c2a.Store(c + (2 * ldc));
        c3a.Store(c + (3 * ldc));
        c4a.Store(c + (4 * ldc));
        c5a.Store(c + (5 * ldc));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Avx2Tile1x16(float* a, long aRowStride, long aDepthStride, float* b, long ldb, float* c, long ldc, int depth, bool accumulate)
    {
        var c0a = accumulate ? Vector256.Load(c + (0 * ldc)) : Vector256<float>.Zero;
        var c0b = accumulate ? Vector256.Load(c + (0 * ldc) + 8) : Vector256<float>.Zero;
        for (var d = 0; d < depth; d++)
        {
            var ba = Vector256.Load(b);
            var bb = Vector256.Load(b + 8);
            var x0 = Vector256.Create(a[0]);
            c0a = Vector256.FusedMultiplyAdd(x0, ba, c0a);
            c0b = Vector256.FusedMultiplyAdd(x0, bb, c0b);
            a += aDepthStride;
            b += ldb;
        }

        c0a.Store(c + (0 * ldc));
        c0b.Store(c + (0 * ldc) + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Avx2Tile1x8(float* a, long aRowStride, long aDepthStride, float* b, long ldb, float* c, long ldc, int depth, bool accumulate)
    {
        var c0a = accumulate ? Vector256.Load(c + (0 * ldc)) : Vector256<float>.Zero;
        for (var d = 0; d < depth; d++)
        {
            var ba = Vector256.Load(b);
            var x0 = Vector256.Create(a[0]);
            c0a = Vector256.FusedMultiplyAdd(x0, ba, c0a);
            a += aDepthStride;
            b += ldb;
        }

        c0a.Store(c + (0 * ldc));
    }
}
