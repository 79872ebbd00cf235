using System.Runtime.Intrinsics;
using Personalize.Core.Adapters;
using Personalize.Core.Quantization;

namespace Personalize.Core.Kernels;

/// <summary>
/// A pair of an adapter in the layout that serves: A transposed to <c>[in, rank]</c>, B in groups of eight rows <c>[groups, rank, 8]</c> with the scale folded in; the rank padded with zeros to a multiple of eight.
/// Read-only after construction and safe to share between threads.
/// </summary>
public sealed unsafe class LowRankPair : IDisposable
{
    private const int Lanes = 8;
    private readonly NativeBuffer<float> _down;
    private readonly NativeBuffer<float> _up;

    /// <summary>Packs a pair.</summary>
    /// <param name="pair">A and B.</param>
    /// <param name="scale">What the product is multiplied with.</param>
    public LowRankPair(LoraPair pair, float scale)
    {
        InputSize = pair.InputSize;
        OutputSize = pair.OutputSize;
        Rank = (pair.Rank + Lanes - 1) / Lanes * Lanes;
        _down = new NativeBuffer<float>((long)InputSize * Rank);
        _up = new NativeBuffer<float>(((long)OutputSize + PackedMatrix.RowsPerGroup - 1) / PackedMatrix.RowsPerGroup * PackedMatrix.RowsPerGroup * Rank);
        for (var r = 0; r < pair.Rank; r++)
        {
            for (var k = 0; k < InputSize; k++)
            {
                _down.Pointer[((long)k * Rank) + r] = pair.A[(r * InputSize) + k];
            }

            for (var n = 0; n < OutputSize; n++)
            {
                _up.Pointer[((long)n / Lanes * Lanes * Rank) + (r * Lanes) + (n % Lanes)] = scale * pair.B[(n * pair.Rank) + r];
            }
        }
    }

    /// <summary>The size of the adapted map's input.</summary>
    public int InputSize { get; }

    /// <summary>The size of the adapted map's output.</summary>
    public int OutputSize { get; }

    /// <summary>The rank, padded to a multiple of eight.</summary>
    public int Rank { get; }

    /// <summary>How many bytes the packed pair takes.</summary>
    public long ByteLength => _down.ByteLength + _up.ByteLength;

    internal LowRankTerm Term => new((nint)_down.Pointer, (nint)_up.Pointer, Rank);

    /// <inheritdoc/>
    public void Dispose()
    {
        _down.Dispose();
        _up.Dispose();
    }

    /// <summary><c>h[rank] = A x</c> for one token: four partial sums a lane in a fixed order, the same however many tokens are computed together.</summary>
    internal static void Down(in LowRankTerm term, float* x, int inputSize, float* h)
    {
        for (var lane = 0; lane < term.Rank; lane += Lanes)
        {
            var a = (float*)term.Down + lane;
            var s0 = Vector256<float>.Zero;
            var s1 = s0;
            var s2 = s0;
            var s3 = s0;
            var k = 0;
            for (; k + 4 <= inputSize; k += 4, a += 4 * term.Rank)
            {
                s0 = Vector256.FusedMultiplyAdd(Vector256.Create(x[k]), Vector256.Load(a), s0);
                s1 = Vector256.FusedMultiplyAdd(Vector256.Create(x[k + 1]), Vector256.Load(a + term.Rank), s1);
                s2 = Vector256.FusedMultiplyAdd(Vector256.Create(x[k + 2]), Vector256.Load(a + (2 * term.Rank)), s2);
                s3 = Vector256.FusedMultiplyAdd(Vector256.Create(x[k + 3]), Vector256.Load(a + (3 * term.Rank)), s3);
            }

            for (; k < inputSize; k++, a += term.Rank)
            {
                s0 = Vector256.FusedMultiplyAdd(Vector256.Create(x[k]), Vector256.Load(a), s0);
            }

            ((s0 + s1) + (s2 + s3)).Store(h + lane);
        }
    }

    /// <summary>Adds the pair's part to eight outputs of one token.</summary>
    internal static Vector256<float> Up(in LowRankTerm term, float* h, int group, Vector256<float> y)
    {
        var b = (float*)term.Up + ((long)group * Lanes * term.Rank);
        for (var r = 0; r < term.Rank; r++)
        {
            y = Vector256.FusedMultiplyAdd(Vector256.Create(h[r]), Vector256.Load(b + (r * Lanes)), y);
        }

        return y;
    }
}
