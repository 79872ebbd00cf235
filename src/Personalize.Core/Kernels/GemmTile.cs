namespace Personalize.Core.Kernels;

/// <summary>
/// The inner product of a small tile: <c>C[m, n] (+)= sum over d of A(m, d) * B[d, n]</c> with <c>A(m, d) = a[m * aRowStride + d * aDepthStride]</c> and contiguous rows of B and C.
/// </summary>
/// <remarks>
/// Every path adds the products of an element in the order of d with one fused multiply-add each, so all paths give the same bits.
/// <see cref="Scalar"/> is the definition; the instruction sets have a file each.
/// </remarks>
internal static unsafe partial class GemmTile
{
    /// <summary>Computes an <paramref name="m"/> x <paramref name="n"/> tile element by element.</summary>
    public static void Scalar(float* a, long aRowStride, long aDepthStride, float* b, long ldb, float* c, long ldc, int m, int n, int depth, bool accumulate)
    {
        for (var i = 0; i < m; i++)
        {
            for (var j = 0; j < n; j++)
            {
                var sum = accumulate ? c[(i * ldc) + j] : 0f;
                for (var d = 0; d < depth; d++)
                {
                    sum = MathF.FusedMultiplyAdd(a[(i * aRowStride) + (d * aDepthStride)], b[(d * ldb) + j], sum);
                }

                c[(i * ldc) + j] = sum;
            }
        }
    }

    /// <summary>Computes a block of any height and width with the widest tiles of this machine.</summary>
    public static void Run(float* a, long aRowStride, long aDepthStride, float* b, long ldb, float* c, long ldc, int m, int n, int depth, bool accumulate)
    {
        if (InstructionSets.HasAvx512)
        {
            RunAvx512(a, aRowStride, aDepthStride, b, ldb, c, ldc, m, n, depth, accumulate);
        }
        else if (InstructionSets.HasAvx2)
        {
            RunAvx2(a, aRowStride, aDepthStride, b, ldb, c, ldc, m, n, depth, accumulate);
        }
        else
        {
            Scalar(a, aRowStride, aDepthStride, b, ldb, c, ldc, m, n, depth, accumulate);
        }
    }
}
