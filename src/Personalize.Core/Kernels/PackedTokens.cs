using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Personalize.Core.Kernels;

/// <summary>
/// The left factor of a product in the order in which its tiles read it: panels of six rows, in each the six values of one summed index side by side, <c>[panel, depth, 6]</c>; rows past the end are zero.
/// A tile then reads one stream, and the rows it multiplies need not lie near each other in the cache.
/// </summary>
internal static unsafe class PackedTokens
{
    /// <summary>Rows of a panel: with 16 columns, the tile of 12 accumulators that 16 registers of 256 bits have room for.</summary>
    public const int Height = 6;

    /// <summary>How many panels so many rows take.</summary>
    public static int PanelCount(int rows) => (rows + Height - 1) / Height;

    /// <summary>Packs up to six rows: <c>target[d * 6 + i] = x[i * stride + d]</c>.</summary>
    /// <param name="x">The first element of the first row.</param>
    /// <param name="stride">Elements from one row to the next.</param>
    /// <param name="rows">How many rows there are, from 1 to 6.</param>
    /// <param name="depth">How many elements of each row are packed.</param>
    /// <param name="target">Receives <c>6 * depth</c> elements.</param>
    public static void Pack(float* x, long stride, int rows, int depth, float* target)
    {
        var d = 0;
        if (rows == Height && Sse.IsSupported)
        {
            for (; d + 4 <= depth; d += 4)
            {
                Transpose(x + d, stride, target + (d * Height));
            }
        }

        for (; d < depth; d++)
        {
            for (var i = 0; i < Height; i++)
            {
                target[(d * Height) + i] = i < rows ? x[(i * stride) + d] : 0;
            }
        }
    }

    /// <summary>Packs up to six columns, a left factor that is read transposed: <c>target[d * 6 + i] = x[d * stride + i]</c>.</summary>
    /// <param name="x">The first element of the first column.</param>
    /// <param name="stride">Elements from one summed index to the next.</param>
    /// <param name="rows">How many columns of x there are, from 1 to 6.</param>
    /// <param name="depth">How many elements of each are packed.</param>
    /// <param name="target">Receives <c>6 * depth</c> elements.</param>
    public static void PackColumns(float* x, long stride, int rows, int depth, float* target)
    {
        if (rows == Height)
        {
            for (var d = 0; d < depth; d++, x += stride, target += Height)
            {
                Vector128.Load(x).Store(target);
                Vector64.Load(x + 4).Store(target + 4);
            }

            return;
        }

        for (var d = 0; d < depth; d++, x += stride, target += Height)
        {
            for (var i = 0; i < Height; i++)
            {
                target[i] = i < rows ? x[i] : 0;
            }
        }
    }

    /// <summary>Four indices of six rows: the first four rows as a square, the other two as pairs.</summary>
    private static void Transpose(float* x, long stride, float* target)
    {
        Vector128<float> r0 = Vector128.Load(x), r1 = Vector128.Load(x + stride), r2 = Vector128.Load(x + (2 * stride));
        Vector128<float> r3 = Vector128.Load(x + (3 * stride)), r4 = Vector128.Load(x + (4 * stride)), r5 = Vector128.Load(x + (5 * stride));
        Vector128<float> low01 = Sse.UnpackLow(r0, r1), high01 = Sse.UnpackHigh(r0, r1), low23 = Sse.UnpackLow(r2, r3), high23 = Sse.UnpackHigh(r2, r3);
        Vector128<float> low45 = Sse.UnpackLow(r4, r5), high45 = Sse.UnpackHigh(r4, r5);
        Sse.MoveLowToHigh(low01, low23).Store(target);
        Sse.StoreLow(target + 4, low45);
        Sse.MoveHighToLow(low23, low01).Store(target + Height);
        Sse.StoreHigh(target + Height + 4, low45);
        Sse.MoveLowToHigh(high01, high23).Store(target + (2 * Height));
        Sse.StoreLow(target + (2 * Height) + 4, high45);
        Sse.MoveHighToLow(high23, high01).Store(target + (3 * Height));
        Sse.StoreHigh(target + (3 * Height) + 4, high45);
    }
}
