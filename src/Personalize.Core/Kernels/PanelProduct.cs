namespace Personalize.Core.Kernels;

/// <summary>
/// The product of packed rows with a panel of 16 columns: <c>C[i, j] (+)= sum over d of A[i, d] B[d, j]</c>, A as <see cref="PackedTokens"/> lays it out, B <c>[depth, 16]</c>, rows of C contiguous.
/// </summary>
/// <remarks>
/// Every path starts a sum at zero, adds its products in the order of d with one fused multiply-add each, and adds the whole to what C holds: all paths give the same bits, wherever a row falls in a panel.
/// <see cref="Scalar"/> is the definition; the instruction sets have a file each.
/// </remarks>
internal static unsafe partial class PanelProduct
{
    /// <summary>Columns of a panel of B.</summary>
    public const int Width = WeightPanel.Width;

    /// <summary>Computes <paramref name="rows"/> x <paramref name="width"/> elements with the widest tiles of this machine.</summary>
    /// <param name="a">The packed rows, panel after panel.</param>
    /// <param name="panels">One or two panels of B, one after the other; the columns past <paramref name="width"/> are read and dropped.</param>
    /// <param name="c">The first element of the result.</param>
    /// <param name="ldc">Elements from one row of C to the next.</param>
    /// <param name="rows">Rows of the result.</param>
    /// <param name="width">Columns of the result, up to 32.</param>
    /// <param name="depth">How many products are summed.</param>
    /// <param name="accumulate">Add to what C holds in place of overwriting it.</param>
    public static void Run(float* a, float* panels, float* c, long ldc, int rows, int width, int depth, bool accumulate)
    {
        if (InstructionSets.HasAvx512)
        {
            RunAvx512(a, panels, c, ldc, rows, width, depth, accumulate);
        }
        else if (InstructionSets.HasAvx2)
        {
            RunAvx2(a, panels, c, ldc, rows, width, depth, accumulate);
        }
        else
        {
            Scalar(a, panels, c, ldc, rows, width, depth, accumulate);
        }
    }

    /// <summary>The definition.</summary>
    internal static void Scalar(float* a, float* panels, float* c, long ldc, int rows, int width, int depth, bool accumulate)
    {
        for (var i = 0; i < rows; i++)
        {
            var row = a + ((long)(i / PackedTokens.Height) * depth * PackedTokens.Height) + (i % PackedTokens.Height);
            for (var j = 0; j < width; j++)
            {
                var column = panels + (j / Width * depth * Width) + (j % Width);
                var sum = 0f;
                for (var d = 0; d < depth; d++)
                {
                    sum = MathF.FusedMultiplyAdd(row[d * PackedTokens.Height], column[d * Width], sum);
                }

                ref var target = ref c[(i * ldc) + j];
                target = accumulate ? target + sum : sum;
            }
        }
    }

    /// <summary>Takes the part of a tile that exists.</summary>
    private static void Put(float* tile, int tileWidth, float* c, long ldc, int rows, int width, bool accumulate)
    {
        for (var i = 0; i < rows; i++)
        {
            for (var j = 0; j < width; j++)
            {
                ref var target = ref c[(i * ldc) + j];
                target = accumulate ? target + tile[(i * tileWidth) + j] : tile[(i * tileWidth) + j];
            }
        }
    }
}
