using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Personalize.Core.Kernels;

/// <content>512-bit tiles of 12 x 32, two panels of each factor: 24 accumulators, two vectors of B, and broadcasts that a multiply-add reads itself.</content>
internal static unsafe partial class PanelProduct
{
    private const int TallHeight = 2 * PackedTokens.Height;

    /// <summary>As <see cref="Scalar"/>. An odd panel of rows takes half a tile; what is narrower than two panels of B goes through the 256-bit tiles.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void RunAvx512(float* a, float* panels, float* c, long ldc, int rows, int width, int depth, bool accumulate)
    {
        if (width < 2 * Width)
        {
            RunAvx2(a, panels, c, ldc, rows, width, depth, accumulate);
            return;
        }

        var i = 0;
        for (; i + TallHeight <= rows; i += TallHeight, a += depth * TallHeight)
        {
            Tile12x32(a, panels, c + (i * ldc), ldc, depth, accumulate);
        }

        for (; i + PackedTokens.Height <= rows; i += PackedTokens.Height, a += depth * PackedTokens.Height)
        {
            Tile6x32(a, panels, c + (i * ldc), ldc, depth, accumulate);
        }

        if (i < rows)
        {
            var tile = stackalloc float[PackedTokens.Height * 2 * Width];
            Tile6x32(a, panels, tile, 2 * Width, depth, accumulate: false);
            Put(tile, 2 * Width, c + (i * ldc), ldc, rows - i, 2 * Width, accumulate);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile12x32(float* a, float* b, float* c, long ldc, int depth, bool accumulate)
    {
        for (var i = 0; i < TallHeight; i++)
        {
            Prefetch.Line((byte*)(c + (i * ldc)));
            Prefetch.Line((byte*)(c + (i * ldc) + Width));
        }

        Vector512<float> c0a = default, c1a = default, c2a = default, c3a = default, c4a = default, c5a = default, c6a = default, c7a = default, c8a = default, c9a = default, c10a = default, c11a = default;
        Vector512<float> c0b = default, c1b = default, c2b = default, c3b = default, c4b = default, c5b = default, c6b = default, c7b = default, c8b = default, c9b = default, c10b = default, c11b = default;
        float* lower = a + ((long)depth * PackedTokens.Height), end = lower, second = b + ((long)depth * Width);
        while (a < end)
        {
            var ba = Vector512.Load(b);
            var bb = Vector512.Load(second);
            var x0 = Vector512.Create(a[0]);
            c0a = Vector512.FusedMultiplyAdd(x0, ba, c0a);
            c0b = Vector512.FusedMultiplyAdd(x0, bb, c0b);
            var x1 = Vector512.Create(a[1]);
            c1a = Vector512.FusedMultiplyAdd(x1, ba, c1a);
            c1b = Vector512.FusedMultiplyAdd(x1, bb, c1b);
            var x2 = Vector512.Create(a[2]);
            c2a = Vector512.FusedMultiplyAdd(x2, ba, c2a);
            c2b = Vector512.FusedMultiplyAdd(x2, bb, c2b);
            var x3 = Vector512.Create(a[3]);
            c3a = Vector512.FusedMultiplyAdd(x3, ba, c3a);
            c3b = Vector512.FusedMultiplyAdd(x3, bb, c3b);
            var x4 = Vector512.Create(a[4]);
            c4a = Vector512.FusedMultiplyAdd(x4, ba, c4a);
            c4b = Vector512.FusedMultiplyAdd(x4, bb, c4b);
            var x5 = Vector512.Create(a[5]);
            c5a = Vector512.FusedMultiplyAdd(x5, ba, c5a);
            c5b = Vector512.FusedMultiplyAdd(x5, bb, c5b);
            var x6 = Vector512.Create(lower[0]);
            c6a = Vector512.FusedMultiplyAdd(x6, ba, c6a);
            c6b = Vector512.FusedMultiplyAdd(x6, bb, c6b);
            var x7 = Vector512.Create(lower[1]);
            c7a = Vector512.FusedMultiplyAdd(x7, ba, c7a);
            c7b = Vector512.FusedMultiplyAdd(x7, bb, c7b);
            var x8 = Vector512.Create(lower[2]);
            c8a = Vector512.FusedMultiplyAdd(x8, ba, c8a);
            c8b = Vector512.FusedMultiplyAdd(x8, bb, c8b);
            var x9 = Vector512.Create(lower[3]);
            c9a = Vector512.FusedMultiplyAdd(x9, ba, c9a);
            c9b = Vector512.FusedMultiplyAdd(x9, bb, c9b);
            var x10 = Vector512.Create(lower[4]);
            c10a = Vector512.FusedMultiplyAdd(x10, ba, c10a);
            c10b = Vector512.FusedMultiplyAdd(x10, bb, c10b);
            var x11 = Vector512.Create(lower[5]);
            c11a = Vector512.FusedMultiplyAdd(x11, ba, c11a);
            c11b = Vector512.FusedMultiplyAdd(x11, bb, c11b);
            a += PackedTokens.Height;
            lower += PackedTokens.Height;
            b += Width;
            second += Width;
        }

        if (accumulate)
        {
            c0a += Vector512.Load(c + (0 * ldc));
            c0b += Vector512.Load(c + (0 * ldc) + Width);
            c1a += Vector512.Load(c + (1 * ldc));
            c1b += Vector512.Load(c + (1 * ldc) + Width);
            c2a += Vector512.Load(c + (2 * ldc));
            c2b += Vector512.Load(c + (2 * ldc) + Width);
            c3a += Vector512.Load(c + (3 * ldc));
            c3b += Vector512.Load(c + (3 * ldc) + Width);
            c4a += Vector512.Load(c + (4 * ldc));
            c4b += Vector512.Load(c + (4 * ldc) + Width);
            c5a += Vector512.Load(c + (5 * ldc));
            c5b += Vector512.Load(c + (5 * ldc) + Width);
            c6a += Vector512.Load(c + (6 * ldc));
            c6b += Vector512.Load(c + (6 * ldc) + Width);
            c7a += Vector512.Load(c + (7 * ldc));
            c7b += Vector512.Load(c + (7 * ldc) + Width);
            c8a += Vector512.Load(c + (8 * ldc));
            c8b += Vector512.Load(c + (8 * ldc) + Width);
            c9a += Vector512.Load(c + (9 * ldc));
            c9b += Vector512.Load(c + (9 * ldc) + Width);
            c10a += Vector512.Load(c + (10 * ldc));
            c10b += Vector512.Load(c + (10 * ldc) + Width);
            c11a += Vector512.Load(c + (11 * ldc));
            c11b += Vector512.Load(c + (11 * ldc) + Width);
        }

        c0a.Store(c + (0 * ldc));
        c0b.Store(c + (0 * ldc) + Width);
        c1a.Store(c + (1 * ldc));
        c1b.Store(c + (1 * ldc) + Width);
        c2a.Store(c + (2 * ldc));
        c2b.Store(c + (2 * ldc) + Width);
        c3a.Store(c + (3 * ldc));
        c3b.Store(c + (3 * ldc) + Width);
        c4a.Store(c + (4 * ldc));
        c4b.Store(c + (4 * ldc) + Width);
        c5a.Store(c + (5 * ldc));
        c5b.Store(c + (5 * ldc) + Width);
        c6a.Store(c + (6 * ldc));
        c6b.Store(c + (6 * ldc) + Width);
        c7a.Store(c + (7 * ldc));
        c7b.Store(c + (7 * ldc) + Width);
        c8a.Store(c + (8 * ldc));
        c8b.Store(c + (8 * ldc) + Width);
        c9a.Store(c + (9 * ldc));
        c9b.Store(c + (9 * ldc) + Width);
        c10a.Store(c + (10 * ldc));
        c10b.Store(c + (10 * ldc) + Width);
        c11a.Store(c + (11 * ldc));
        c11b.Store(c + (11 * ldc) + Width);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile6x32(float* a, float* b, float* c, long ldc, int depth, bool accumulate)
    {
        Vector512<float> c0a = default, c0b = default, c1a = default, c1b = default, c2a = default, c2b = default, c3a = default, c3b = default, c4a = default, c4b = default, c5a = default, c5b = default;
        float* end = a + ((long)depth * PackedTokens.Height), second = b + ((long)depth * Width);
        while (a < end)
        {
            var ba = Vector512.Load(b);
            var bb = Vector512.Load(second);
            var x0 = Vector512.Create(a[0]);
            c0a = Vector512.FusedMultiplyAdd(x0, ba, c0a);
            c0b = Vector512.FusedMultiplyAdd(x0, bb, c0b);
            var x1 = Vector512.Create(a[1]);
            c1a = Vector512.FusedMultiplyAdd(x1, ba, c1a);
            c1b = Vector512.FusedMultiplyAdd(x1, bb, c1b);
            var x2 = Vector512.Create(a[2]);
            c2a = Vector512.FusedMultiplyAdd(x2, ba, c2a);
            c2b = Vector512.FusedMultiplyAdd(x2, bb, c2b);
            var x3 = Vector512.Create(a[3]);
            c3a = Vector512.FusedMultiplyAdd(x3, ba, c3a);
            c3b = Vector512.FusedMultiplyAdd(x3, bb, c3b);
            var x4 = Vector512.Create(a[4]);
            c4a = Vector512.FusedMultiplyAdd(x4, ba, c4a);
            c4b = Vector512.FusedMultiplyAdd(x4, bb, c4b);
            var x5 = Vector512.Create(a[5]);
            c5a = Vector512.FusedMultiplyAdd(x5, ba, c5a);
            c5b = Vector512.FusedMultiplyAdd(x5, bb, c5b);
            a += PackedTokens.Height;
            b += Width;
            second += Width;
        }

        if (accumulate)
        {
            c0a += Vector512.Load(c + (0 * ldc));
            c0b += Vector512.Load(c + (0 * ldc) + Width);
            c1a += Vector512.Load(c + (1 * ldc));
            c1b += Vector512.Load(c + (1 * ldc) + Width);
            c2a += Vector512.Load(c + (2 * ldc));
            c2b += Vector512.Load(c + (2 * ldc) + Width);
            c3a += Vector512.Load(c + (3 * ldc));
            c3b += Vector512.Load(c + (3 * ldc) + Width);
            c4a += Vector512.Load(c + (4 * ldc));
            c4b += Vector512.Load(c + (4 * ldc) + Width);
            c5a += Vector512.Load(c + (5 * ldc));
            c5b += Vector512.Load(c + (5 * ldc) + Width);
        }

        c0a.Store(c + (0 * ldc));
        c0b.Store(c + (0 * ldc) + Width);
        c1a.Store(c + (1 * ldc));
        c1b.Store(c + (1 * ldc) + Width);
        c2a.Store(c + (2 * ldc));
        c2b.Store(c + (2 * ldc) + Width);
        c3a.Store(c + (3 * ldc));
        c3b.Store(c + (3 * ldc) + Width);
        c4a.Store(c + (4 * ldc));
        c4b.Store(c + (4 * ldc) + Width);
        c5a.Store(c + (5 * ldc));
        c5b.Store(c + (5 * ldc) + Width);
    }
}
