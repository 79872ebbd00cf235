using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Personalize.Core.Kernels;

/// <content>512-bit tiles: up to 24 accumulators, which hide the latency of two multiply-add units, and each broadcast is used for two vectors of B where there are as many columns.</content>
internal static unsafe partial class GemmTile
{
    /// <summary>As <see cref="Scalar"/>, with tiles of 12 or 8 rows by 32 columns, and of 12 by 16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void RunAvx512(float* a, long aRowStride, long aDepthStride, float* b, long ldb, float* c, long ldc, int m, int n, int depth, bool accumulate)
    {
        for (var j = 0; j < n;)
        {
            var width = n - j >= 32 ? 32 : n - j >= 16 ? 16 : n - j;
            var i = 0;

            // Eight and sixteen rows, the rank of most adapters, are whole tiles of eight.
            for (; width == 32 && m - i >= 12 && m - i != 16; i += 12)
            {
                Avx512Tile12x32(a + (i * aRowStride), aRowStride, aDepthStride, b + j, ldb, c + (i * ldc) + j, ldc, depth, accumulate);
            }

            for (; width == 32 && m - i >= 8; i += 8)
            {
                Avx512Tile8x32(a + (i * aRowStride), aRowStride, aDepthStride, b + j, ldb, c + (i * ldc) + j, ldc, depth, accumulate);
            }

            for (; width == 16 && m - i >= 12; i += 12)
            {
                Avx512Tile12x16(a + (i * aRowStride), aRowStride, aDepthStride, b + j, ldb, c + (i * ldc) + j, ldc, depth, accumulate);
            }

            if (i < m)
            {
                RunAvx2(a + (i * aRowStride), aRowStride, aDepthStride, b + j, ldb, c + (i * ldc) + j, ldc, m - i, width, depth, accumulate);
            }

            j += width;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Avx512Tile12x32(float* a, long aRowStride, long aDepthStride, float* b, long ldb, float* c, long ldc, int depth, bool accumulate)
    {
        var c0a = accumulate ? Vector512.Load(c + (0 * ldc)) : Vector512<float>.Zero;
        var c0b = accumulate ? Vector512.Load(c + (0 * ldc) + 16) : Vector512<float>.Zero;
        var c1a = accumulate ? Vector512.Load(c + (1 * ldc)) : Vector512<float>.Zero;
        var c1b = accumulate ? Vector512.Load(c + (1 * ldc) + 16) : Vector512<float>.Zero;
        var c2a = accumulate ? Vector512.Load(c + (2 * ldc)) : Vector512<float>.Zero;
        var c2b = accumulate ? Vector512.Load(c + (2 * ldc) + 16) : Vector512<float>.Zero;
        var c3a = accumulate ? Vector512.Load(c + (3 * ldc)) : Vector512<float>.Zero;
        var c3b = accumulate ? Vector512.Load(c + (3 * ldc) + 16) : Vector512<float>.Zero;
        var c4a = accumulate ? Vector512.Load(c + (4 * ldc)) : Vector512<float>.Zero;
        var c4b = accumulate ? Vector512.Load(c + (4 * ldc) + 16) : Vector512<float>.Zero;
        var c5a = accumulate ? Vector512.Load(c + (5 * ldc)) : Vector512<float>.Zero;
        var c5b = accumulate ? Vector512.Load(c + (5 * ldc) + 16) : Vector512<float>.Zero;
        var c6a = accumulate ? Vector512.Load(c + (6 * ldc)) : Vector512<float>.Zero;
        var c6b = accumulate ? Vector512.Load(c + (6 * ldc) + 16) : Vector512<float>.Zero;
        var c7a = accumulate ? Vector512.Load(c + (7 * ldc)) : Vector512<float>.Zero;
        var c7b = accumulate ? Vector512.Load(c + (7 * ldc) + 16) : Vector512<float>.Zero;
        var c8a = accumulate ? Vector512.Load(c + (8 * ldc)) : Vector512<float>.Zero;
        var c8b = accumulate ? Vector512.Load(c + (8 * ldc) + 16) : Vector512<float>.Zero;
        var c9a = accumulate ? Vector512.Load(c + (9 * ldc)) : Vector512<float>.Zero;
        var c9b = accumulate ? Vector512.Load(c + (9 * ldc) + 16) : Vector512<float>.Zero;
        var c10a = accumulate ? Vector512.Load(c + (10 * ldc)) : Vector512<float>.Zero;
        var c10b = accumulate ? Vector512.Load(c + (10 * ldc) + 16) : Vector512<float>.Zero;
        var c11a = accumulate ? Vector512.Load(c + (11 * ldc)) : Vector512<float>.Zero;
        var c11b = accumulate ? Vector512.Load(c + (11 * ldc) + 16) : Vector512<float>.Zero;
        var twoRows = 2 * aRowStride;
        var p1 = a + (3 * aRowStride);
        var p2 = a + (6 * aRowStride);
        var p3 = a + (9 * aRowStride);
        for (var d = 0; d < depth; d++)
        {
            var ba = Vector512.Load(b);
            var bb = Vector512.Load(b + 16);
            var x0 = Vector512.Create(a[0]);
            c0a = Vector512.FusedMultiplyAdd(x0, ba, c0a);
            c0b = Vector512.FusedMultiplyAdd(x0, bb, c0b);
            var x1 = Vector512.Create(a[aRowStride]);
            c1a = Vector512.FusedMultiplyAdd(x1, ba, c1a);
            c1b = Vector512.FusedMultiplyAdd(x1, bb, c1b);
            var x2 = Vector512.Create(a[twoRows]);
            c2a = Vector512.FusedMultiplyAdd(x2, ba, c2a);
            c2b = Vector512.FusedMultiplyAdd(x2, bb, c2b);
            var x3 = Vector512.Create(p1[0]);
            c3a = Vector512.FusedMultiplyAdd(x3, ba, c3a);
            c3b = Vector512.FusedMultiplyAdd(x3, bb, c3b);
            var x4 = Vector512.Create(p1[aRowStride]);
            c4a = Vector512.FusedMultiplyAdd(x4, ba, c4a);
            c4b = Vector512.FusedMultiplyAdd(x4, bb, c4b);
            var x5 = Vector512.Create(p1[twoRows]);
            c5a = Vector512.FusedMultiplyAdd(x5, ba, c5a);
            c5b = Vector512.FusedMultiplyAdd(x5, bb, c5b);
            var x6 = Vector512.Create(p2[0]);
            c6a = Vector512.FusedMultiplyAdd(x6, ba, c6a);
            c6b = Vector512.FusedMultiplyAdd(x6, bb, c6b);
            var x7 = Vector512.Create(p2[aRowStride]);
            c7a = Vector512.FusedMultiplyAdd(x7, ba, c7a);
            c7b = Vector512.FusedMultiplyAdd(x7, bb, c7b);
            var x8 = Vector512.Create(p2[twoRows]);
            c8a = Vector512.FusedMultiplyAdd(x8, ba, c8a);
            c8b = Vector512.FusedMultiplyAdd(x8, bb, c8b);
            var x9 = Vector512.Create(p3[0]);
            c9a = Vector512.FusedMultiplyAdd(x9, ba, c9a);
            c9b = Vector512.FusedMultiplyAdd(x9, bb, c9b);
            var x10 = Vector512.Create(p3[aRowStride]);
            c10a = Vector512.FusedMultiplyAdd(x10, ba, c10a);
            c10b = Vector512.FusedMultiplyAdd(x10, bb, c10b);
            var x11 = Vector512.Create(p3[twoRows]);
            c11a = Vector512.FusedMultiplyAdd(x11, ba, c11a);
            c11b = Vector512.FusedMultiplyAdd(x11, bb, c11b);
            a += aDepthStride;
            p1 += aDepthStride;
            p2 += aDepthStride;
            p3 += aDepthStride;
            b += ldb;
        }

        c0a.Store(c + (0 * ldc));
        c0b.Store(c + (0 * ldc) + 16);
        c1a.Store(c + (1 * ldc));
        c1b.Store(c + (1 * ldc) + 16);
        c2a.Store(c + (2 * ldc));
        c2b.Store(c + (2 * ldc) + 16);
        c3a.Store(c + (3 * ldc));
        c3b.Store(c + (3 * ldc) + 16);
        c4a.Store(c + (4 * ldc));
        c4b.Store(c + (4 * ldc) + 16);
        c5a.Store(c + (5 * ldc));
        c5b.Store(c + (5 * ldc) + 16);
        c6a.Store(c + (6 * ldc));
        c6b.Store(c + (6 * ldc) + 16);
        c7a.Store(c + (7 * ldc));
        c7b.Store(c + (7 * ldc) + 16);
        c8a.Store(c + (8 * ldc));
        c8b.Store(c + (8 * ldc) + 16);
        c9a.Store(c + (9 * ldc));
        c9b.Store(c + (9 * ldc) + 16);
        c10a.Store(c + (10 * ldc));
        c10b.Store(c + (10 * ldc) + 16);
        c11a.Store(c + (11 * ldc));
        c11b.Store(c + (11 * ldc) + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Avx512Tile8x32(float* a, long aRowStride, long aDepthStride, float* b, long ldb, float* c, long ldc, int depth, bool accumulate)
    {
        var c0a = accumulate ? Vector512.Load(c + (0 * ldc)) : Vector512<float>.Zero;
        var c0b = accumulate ? Vector512.Load(c + (0 * ldc) + 16) : Vector512<float>.Zero;
        var c1a = accumulate ? Vector512.Load(c + (1 * ldc)) : Vector512<float>.Zero;
        var c1b = accumulate ? Vector512.Load(c + (1 * ldc) + 16) : Vector512<float>.Zero;
        var c2a = accumulate ? Vector512.Load(c + (2 * ldc)) : Vector512<float>.Zero;
        var c2b = accumulate ? Vector512.Load(c + (2 * ldc) + 16) : Vector512<float>.Zero;
        var c3a = accumulate ? Vector512.Load(c + (3 * ldc)) : Vector512<float>.Zero;
        var c3b = accumulate ? Vector512.Load(c + (3 * ldc) + 16) : Vector512<float>.Zero;
        var c4a = accumulate ? Vector512.Load(c + (4 * ldc)) : Vector512<float>.Zero;
        var c4b = accumulate ? Vector512.Load(c + (4 * ldc) + 16) : Vector512<float>.Zero;
        var c5a = accumulate ? Vector512.Load(c + (5 * ldc)) : Vector512<float>.Zero;
        var c5b = accumulate ? Vector512.Load(c + (5 * ldc) + 16) : Vector512<float>.Zero;
        var c6a = accumulate ? Vector512.Load(c + (6 * ldc)) : Vector512<float>.Zero;
        var c6b = accumulate ? Vector512.Load(c + (6 * ldc) + 16) : Vector512<float>.Zero;
        var c7a = accumulate ? Vector512.Load(c + (7 * ldc)) : Vector512<float>.Zero;
        var c7b = accumulate ? Vector512.Load(c + (7 * ldc) + 16) : Vector512<float>.Zero;
        var twoRows = 2 * aRowStride;
        var p1 = a + (3 * aRowStride);
        var p2 = a + (6 * aRowStride);
        for (var d = 0; d < depth; d++)
        {
            var ba = Vector512.Load(b);
            var bb = Vector512.Load(b + 16);
            var x0 = Vector512.Create(a[0]);
            c0a = Vector512.FusedMultiplyAdd(x0, ba, c0a);
            c0b = Vector512.FusedMultiplyAdd(x0, bb, c0b);
            var x1 = Vector512.Create(a[aRowStride]);
            c1a = Vector512.FusedMultiplyAdd(x1, ba, c1a);
            c1b = Vector512.FusedMultiplyAdd(x1, bb, c1b);
            var x2 = Vector512.Create(a[twoRows]);
            c2a = Vector512.FusedMultiplyAdd(x2, ba, c2a);
            c2b = Vector512.FusedMultiplyAdd(x2, bb, c2b);
            var x3 = Vector512.Create(p1[0]);
            c3a = Vector512.FusedMultiplyAdd(x3, ba, c3a);
            c3b = Vector512.FusedMultiplyAdd(x3, bb, c3b);
            var x4 = Vector512.Create(p1[aRowStride]);
            c4a = Vector512.FusedMultiplyAdd(x4, ba, c4a);
            c4b = Vector512.FusedMultiplyAdd(x4, bb, c4b);
            var x5 = Vector512.Create(p1[twoRows]);
            c5a = Vector512.FusedMultiplyAdd(x5, ba, c5a);
            c5b = Vector512.FusedMultiplyAdd(x5, bb, c5b);
            var x6 = Vector512.Create(p2[0]);
            c6a = Vector512.FusedMultiplyAdd(x6, ba, c6a);
            c6b = Vector512.FusedMultiplyAdd(x6, bb, c6b);
            var x7 = Vector512.Create(p2[aRowStride]);
            c7a = Vector512.FusedMultiplyAdd(x7, ba, c7a);
            c7b = Vector512.FusedMultiplyAdd(x7, bb, c7b);
            a += aDepthStride;
            p1 += aDepthStride;
            p2 += aDepthStride;
            b += ldb;
        }

        c0a.Store(c + (0 * ldc));
        c0b.Store(c + (0 * ldc) + 16);
        c1a.Store(c + (1 * ldc));
        c1b.Store(c + (1 * ldc) + 16);
        c2a.Store(c + (2 * ldc));
        c2b.Store(c + (2 * ldc) + 16);
        c3a.Store(c + (3 * ldc));
        c3b.Store(c + (3 * ldc) + 16);
        c4a.Store(c + (4 * ldc));
        c4b.Store(c + (4 * ldc) + 16);
        c5a.Store(c + (5 * ldc));
        c5b.Store(c + (5 * ldc) + 16);
        c6a.Store(c + (6 * ldc));
        c6b.Store(c + (6 * ldc) + 16);
        c7a.Store(c + (7 * ldc));
        c7b.Store(c + (7 * ldc) + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Avx512Tile12x16(float* a, long aRowStride, long aDepthStride, float* b, long ldb, float* c, long ldc, int depth, bool accumulate)
    {
        var c0 = accumulate ? Vector512.Load(c + (0 * ldc)) : Vector512<float>.Zero;
        var c1 = accumulate ? Vector512.Load(c + (1 * ldc)) : Vector512<float>.Zero;
        var c2 = accumulate ? Vector512.Load(c + (2 * ldc)) : Vector512<float>.Zero;
        var c3 = accumulate ? Vector512.Load(c + (3 * ldc)) : Vector512<float>.Zero;
        var c4 = accumulate ? Vector512.Load(c + (4 * ldc)) : Vector512<float>.Zero;
        var c5 = accumulate ? Vector512.Load(c + (5 * ldc)) : Vector512<float>.Zero;
        var c6 = accumulate ? Vector512.Load(c + (6 * ldc)) : Vector512<float>.Zero;
        var c7 = accumulate ? Vector512.Load(c + (7 * ldc)) : Vector512<float>.Zero;
        var c8 = accumulate ? Vector512.Load(c + (8 * ldc)) : Vector512<float>.Zero;
        var c9 = accumulate ? Vector512.Load(c + (9 * ldc)) : Vector512<float>.Zero;
        var c10 = accumulate ? Vector512.Load(c + (10 * ldc)) : Vector512<float>.Zero;
        var c11 = accumulate ? Vector512.Load(c + (11 * ldc)) : Vector512<float>.Zero;
        var p1 = a + (3 * aRowStride);
        var p2 = a + (6 * aRowStride);
        var p3 = a + (9 * aRowStride);
        for (var d = 0; d < depth; d++)
        {
            var line = Vector512.Load(b);
            c0 = Vector512.FusedMultiplyAdd(Vector512.Create(*a), line, c0);
            c1 = Vector512.FusedMultiplyAdd(Vector512.Create(*(a + aRowStride)), line, c1);
            c2 = Vector512.FusedMultiplyAdd(Vector512.Create(*(a + (2 * aRowStride))), line, c2);
            c3 = Vector512.FusedMultiplyAdd(Vector512.Create(*(p1)), line, c3);
            c4 = Vector512.FusedMultiplyAdd(Vector512.Create(*(p1 + aRowStride)), line, c4);
            c5 = Vector512.FusedMultiplyAdd(Vector512.Create(*(p1 + (2 * aRowStride))), line, c5);
            c6 = Vector512.FusedMultiplyAdd(Vector512.Create(*(p2)), line, c6);
            c7 = Vector512.FusedMultiplyAdd(Vector512.Create(*(p2 + aRowStride)), line, c7);
            c8 = Vector512.FusedMultiplyAdd(Vector512.Create(*(p2 + (2 * aRowStride))), line, c8);
            c9 = Vector512.FusedMultiplyAdd(Vector512.Create(*(p3)), line, c9);
            c10 = Vector512.FusedMultiplyAdd(Vector512.Create(*(p3 + aRowStride)), line, c10);
            c11 = Vector512.FusedMultiplyAdd(Vector512.Create(*(p3 + (2 * aRowStride))), line, c11);
            a += aDepthStride;
            p1 += aDepthStride;
            p2 += aDepthStride;
            p3 += aDepthStride;
            b += ldb;
        }

        c0.Store(c + (0 * ldc));
        c1.Store(c + (1 * ldc));
        c2.Store(c + (2 * ldc));
        c3.Store(c + (3 * ldc));
        c4.Store(c + (4 * ldc));
        c5.Store(c + (5 * ldc));
        c6.Store(c + (6 * ldc));
        c7.Store(c + (7 * ldc));
        c8.Store(c + (8 * ldc));
        c9.Store(c + (9 * ldc));
        c10.Store(c + (10 * ldc));
        c11.Store(c + (11 * ldc));
    }
}
