using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Personalize.Core.Kernels;

/// <content>256-bit tiles of 6 x 16: 12 accumulators, two vectors of B and one broadcast fill the 16 registers, and eight loads stand beside twelve multiply-adds.</content>
internal static unsafe partial class PanelProduct
{
    /// <summary>As <see cref="Scalar"/>. A panel of B stays in the first-level cache while all rows pass.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void RunAvx2(float* a, float* panels, float* c, long ldc, int rows, int width, int depth, bool accumulate)
    {
        var tile = stackalloc float[PackedTokens.Height * Width];
        for (var j = 0; j < width; j += Width, panels += depth * Width)
        {
            var packed = a;
            for (var i = 0; i < rows; i += PackedTokens.Height, packed += depth * PackedTokens.Height)
            {
                var target = c + (i * ldc) + j;
                if (width - j >= Width && rows - i >= PackedTokens.Height)
                {
                    Tile6x16(packed, panels, target, ldc, depth, accumulate);
                }
                else
                {
                    Tile6x16(packed, panels, tile, Width, depth, accumulate: false);
                    Put(tile, Width, target, ldc, Math.Min(PackedTokens.Height, rows - i), Math.Min(Width, width - j), accumulate);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile6x16(float* a, float* b, float* c, long ldc, int depth, bool accumulate)
    {
        // The rows of C are far apart, where no hardware foresees them, and wanted only at the end.
        Prefetch.Line((byte*)(c + (0 * ldc)));
        Prefetch.Line((byte*)(c + (1 * ldc)));
        Prefetch.Line((byte*)(c + (2 * ldc)));
        Prefetch.Line((byte*)(c + (3 * ldc)));
        Prefetch.Line((byte*)(c + (4 * ldc)));
        Prefetch.Line((byte*)(c + (5 * ldc)));
        Vector256<float> c0a = default, c0b = default, c1a = default, c1b = default, c2a = default, c2b = default, c3a = default, c3b = default, c4a = default, c4b = default, c5a = default, c5b = default;
        var end = a + ((long)depth * PackedTokens.Height);
        while (a < end)
        {
            var ba = Vector256.Load(b);
            var bb = Vector256.Load(b + 8);
            var x0 = Vector256.Create(a[0]);
            c0a = Vector256.FusedMultiplyAdd(x0, ba, c0a);
            c0b = Vector256.FusedMultiplyAdd(x0, bb, c0b);
            var x1 = Vector256.Create(a[1]);
            c1a = Vector256.FusedMultiplyAdd(x1, ba, c1a);
            c1b = Vector256.FusedMultiplyAdd(x1, bb, c1b);
            var x2 = Vector256.Create(a[2]);
            c2a = Vector256.FusedMultiplyAdd(x2, ba, c2a);
            c2b = Vector256.FusedMultiplyAdd(x2, bb, c2b);
            var x3 = Vector256.Create(a[3]);
            c3a = Vector256.FusedMultiplyAdd(x3, ba, c3a);
            c3b = Vector256.FusedMultiplyAdd(x3, bb, c3b);
            var x4 = Vector256.Create(a[4]);
            c4a = Vector256.FusedMultiplyAdd(x4, ba, c4a);
            c4b = Vector256.FusedMultiplyAdd(x4, bb, c4b);
            var x5 = Vector256.Create(a[5]);
            c5a = Vector256.FusedMultiplyAdd(x5, ba, c5a);
            c5b = Vector256.FusedMultiplyAdd(x5, bb, c5b);
            a += PackedTokens.Height;
            b += Width;
        }

        if (accumulate)
        {
            c0a += Vector256.Load(c + (0 * ldc));
            c0b += Vector256.Load(c + (0 * ldc) + 8);
            c1a += Vector256.Load(c + (1 * ldc));
            c1b += Vector256.Load(c + (1 * ldc) + 8);
            c2a += Vector256.Load(c + (2 * ldc));
            c2b += Vector256.Load(c + (2 * ldc) + 8);
            c3a += Vector256.Load(c + (3 * ldc));
            c3b += Vector256.Load(c + (3 * ldc) + 8);
            c4a += Vector256.Load(c + (4 * ldc));
            c4b += Vector256.Load(c + (4 * ldc) + 8);
            c5a += Vector256.Load(c + (5 * ldc));
            c5b += Vector256.Load(c + (5 * ldc) + 8);
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
}
