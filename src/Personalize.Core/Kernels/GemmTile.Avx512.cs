using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Personalize.Core.Kernels;

/// <content>512-bit tiles: 12 accumulators hide the latency of two multiply-add units.</content>
internal static unsafe partial class GemmTile
{
    /// <summary>As <see cref="Scalar"/>, with tiles of 12 rows by 16 columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void RunAvx512(float* a, long aRowStride, long aDepthStride, float* b, long ldb, float* c, long ldc, int m, int n, int depth, bool accumulate)
    {
        var j = 0;
        for (; j + 16 <= n; j += 16)
        {
            var i = 0;
            for (; i + 12 <= m; i += 12)
            {
                Avx512Tile12x16(a + (i * aRowStride), aRowStride, aDepthStride, b + j, ldb, c + (i * ldc) + j, ldc, depth, accumulate);
            }

            RunAvx2(a + (i * aRowStride), aRowStride, aDepthStride, b + j, ldb, c + (i * ldc) + j, ldc, m - i, 16, depth, accumulate);
        }

        if (j < n)
        {
            RunAvx2(a, aRowStride, aDepthStride, b + j, ldb, c + j, ldc, m, n - j, depth, accumulate);
        }
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
