using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Personalize.Core.Kernels;

/// <summary>
/// The product with B of a pair in 8 bits. For each eight of the rank and each output <c>y = fma(s t, dot, y)</c> with <c>dot = sum over r of b[r] q[r]</c> in integers: s is the scale of the output's group of eight rows of B, t that of the token's eight inner products h, <c>q = round(h / t)</c>.
/// </summary>
/// <remarks>One operation each for what eight outputs take from four inner products, where single precision needs a conversion and a multiplication for each.</remarks>
internal static unsafe class ServedLowRankProduct
{
    private const int Lanes = 8;

    /// <summary>Rounds eight inner products of each token, <c>t = max|h| / 127</c>, in place: a <see cref="RoundedInnerProducts"/> takes the first half of their memory.</summary>
    /// <param name="h">The first token's eight.</param>
    /// <param name="stride">Elements from a token's to the next one's.</param>
    /// <param name="tokens">How many tokens.</param>
    public static void Round(float* h, long stride, int tokens)
    {
        for (var token = 0; token < tokens; token++, h += stride)
        {
            var values = Vector256.Load(h);
            var magnitudes = Vector256.Abs(values);
            var four = Vector128.Max(magnitudes.GetLower(), magnitudes.GetUpper());
            var largest = MathF.Max(MathF.Max(four[0], four[1]), MathF.Max(four[2], four[3]));
            var inverse = largest > 0f ? ByteElement.Steps / largest : 0f;
            var rounded = Vector256.ConvertToInt32Native(Vector256.Round(values * inverse));
            var bytes = ByteElement.Narrow(rounded);
            *(RoundedInnerProducts*)h = new RoundedInnerProducts(largest / ByteElement.Steps, Vector256.Sum(rounded), (int)bytes, (int)(bytes >> 32));
        }
    }

    /// <summary>Adds the pair's part to whole groups of eight outputs, the eights of the rank in order.</summary>
    /// <param name="term">The pair.</param>
    /// <param name="h">The first token's inner products, rounded by <see cref="Round"/>, <c>[tokens, rank]</c> as they lay in single precision.</param>
    /// <param name="group">The first group.</param>
    /// <param name="count">How many groups.</param>
    /// <param name="y">The first group's outputs of the first token.</param>
    /// <param name="stride">Elements from a token's outputs to the next one's.</param>
    /// <param name="tokens">How many tokens: one or four.</param>
    public static void Up(in ServedLowRankTerm term, float* h, int group, int count, float* y, long stride, int tokens)
    {
        if (InstructionSets.HasAvxVnni)
        {
            Up<AvxVnniDotProduct>(term, h, group, count, y, stride, tokens);
        }
        else if (InstructionSets.HasAvx2)
        {
            Up<Avx2DotProduct>(term, h, group, count, y, stride, tokens);
        }
        else
        {
            Up<PortableDotProduct>(term, h, group, count, y, stride, tokens);
        }
    }

    /// <summary>As the other, with a given way of multiplying.</summary>
    internal static void Up<TDot>(in ServedLowRankTerm term, float* h, int group, int count, float* y, long stride, int tokens)
        where TDot : struct, IDotProduct
    {
        for (var first = 0; first < term.Rank; first += Lanes)
        {
            var b = (sbyte*)term.Up + ((((long)group * term.Rank) + first) * Lanes);
            if (tokens == 4)
            {
                UpEight<TDot, Tiles.Four>(b, term.Rank, (float*)term.UpScales + group, h + first, count, y, stride);
            }
            else
            {
                UpEight<TDot, Tiles.One>(b, term.Rank, (float*)term.UpScales + group, h + first, count, y, stride);
            }
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void UpEight<TDot, TTile>(sbyte* b, int rank, float* scales, float* h, int count, float* y, long stride)
        where TDot : struct, IDotProduct
        where TTile : struct, ITile
    {
        var h0 = (RoundedInnerProducts*)h;
        var h1 = (RoundedInnerProducts*)(h + ((TTile.Count - 1) / 3 * rank));
        var h2 = (RoundedInnerProducts*)(h + ((TTile.Count - 1) / 3 * 2 * rank));
        var h3 = (RoundedInnerProducts*)(h + ((TTile.Count - 1) / 3 * 3 * rank));
        var (first0, second0, excess0, scale0) = Broadcast<TDot>(h0);
        var (first1, second1, excess1, scale1) = Broadcast<TDot>(h1);
        var (first2, second2, excess2, scale2) = Broadcast<TDot>(h2);
        var (first3, second3, excess3, scale3) = Broadcast<TDot>(h3);
        for (var g = 0; g < count; g++, y += Lanes, b += rank * Lanes)
        {
            var low = Vector256.Load(b);
            var high = Vector256.Load(b + Vector256<sbyte>.Count);
            var (unsignedLow, unsignedHigh) = (TDot.Unsigned(low), TDot.Unsigned(high));
            var scale = Vector256.Create(scales[g]);
            Add<TDot>(low, high, unsignedLow, unsignedHigh, first0, second0, excess0, scale * scale0, y);
            if (TTile.Count == 4)
            {
                Add<TDot>(low, high, unsignedLow, unsignedHigh, first1, second1, excess1, scale * scale1, y + stride);
                Add<TDot>(low, high, unsignedLow, unsignedHigh, first2, second2, excess2, scale * scale2, y + (2 * stride));
                Add<TDot>(low, high, unsignedLow, unsignedHigh, first3, second3, excess3, scale * scale3, y + (3 * stride));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector256<sbyte> First, Vector256<sbyte> Second, Vector256<int> Excess, Vector256<float> Scale) Broadcast<TDot>(RoundedInnerProducts* h)
        where TDot : struct, IDotProduct =>
        (Vector256.Create(h->First).AsSByte(), Vector256.Create(h->Second).AsSByte(), Vector256.Create(h->Sum * TDot.Excess), Vector256.Create(h->Scale));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add<TDot>(
        Vector256<sbyte> low, Vector256<sbyte> high, Vector256<byte> unsignedLow, Vector256<byte> unsignedHigh, Vector256<sbyte> first, Vector256<sbyte> second, Vector256<int> excess, Vector256<float> scale, float* y)
        where TDot : struct, IDotProduct
    {
        var dot = TDot.MultiplyAdd(TDot.MultiplyAdd(Vector256<int>.Zero, low, unsignedLow, first), high, unsignedHigh, second);
        if (TDot.Excess > 0)
        {
            dot -= excess;
        }

        Vector256.FusedMultiplyAdd(scale, Vector256.ConvertToSingle(dot), Vector256.Load(y)).Store(y);
    }
}
