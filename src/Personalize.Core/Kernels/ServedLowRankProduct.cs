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
            *(RoundedInnerProducts*)h = new RoundedInnerProducts(largest / ByteElement.Steps, -AvxVnniDotProduct.Excess * Vector256.Sum(rounded), (int)bytes, (int)(bytes >> 32));
        }
    }

    /// <summary>Adds the pair's part to whole groups of eight outputs, the eights of the rank in order.</summary>
    /// <param name="term">The pair.</param>
    /// <param name="h">The first token's inner products, rounded by <see cref="Round"/>, <c>[tokens, rank]</c> as they lay in single precision.</param>
    /// <param name="group">The first group.</param>
    /// <param name="count">How many groups.</param>
    /// <param name="y">The first group's outputs of the first token.</param>
    /// <param name="stride">Elements from a token's outputs to the next one's.</param>
    /// <param name="tokens">How many tokens.</param>
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
            var scales = (float*)term.UpScales + group;
            if (tokens == 1)
            {
                UpOne<TDot>(b, term.Rank, scales, (RoundedInnerProducts*)(h + first), count, y);
            }
            else
            {
                UpMany<TDot>(b, term.Rank, scales, h + first, count, y, stride, tokens);
            }
        }
    }

    /// <summary>One token: what belongs to it stays in registers while the groups pass.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void UpOne<TDot>(sbyte* b, int rank, float* scales, RoundedInnerProducts* h, int count, float* y)
        where TDot : struct, IDotProduct
    {
        var first = Vector256.Create(h->First).AsSByte();
        var second = Vector256.Create(h->Second).AsSByte();
        var start = Start<TDot>(h);
        var scale = Vector256.Create(h->Scale);
        for (var g = 0; g < count; g++, y += Lanes, b += rank * Lanes)
        {
            var low = Vector256.Load(b);
            var high = Vector256.Load(b + Vector256<sbyte>.Count);
            Add<TDot>(low, high, TDot.Unsigned(low), TDot.Unsigned(high), first, second, start, Vector256.Create(scales[g]) * scale, y);
        }
    }

    /// <summary>Several tokens: the weights of two groups stay in registers while the tokens pass.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void UpMany<TDot>(sbyte* b, int rank, float* scales, float* h, int count, float* y, long stride, int tokens)
        where TDot : struct, IDotProduct
    {
        for (var g = 0; g < count; g += 2, y += 2 * Lanes, b += 2 * rank * Lanes)
        {
            // An odd group at the end is its own neighbour, to which nothing is added.
            var isPair = g + 1 < count;
            var other = isPair ? b + (rank * Lanes) : b;
            var (low0, high0) = (Vector256.Load(b), Vector256.Load(b + Vector256<sbyte>.Count));
            var (low1, high1) = (Vector256.Load(other), Vector256.Load(other + Vector256<sbyte>.Count));
            var (unsignedLow0, unsignedHigh0) = (TDot.Unsigned(low0), TDot.Unsigned(high0));
            var (unsignedLow1, unsignedHigh1) = (TDot.Unsigned(low1), TDot.Unsigned(high1));
            var (scale0, scale1) = (Vector256.Create(scales[g]), Vector256.Create(scales[isPair ? g + 1 : g]));
            var inner = h;
            var sum = y;
            for (var t = 0; t < tokens; t++, inner += rank, sum += stride)
            {
                var rounded = (RoundedInnerProducts*)inner;
                var first = Vector256.Create(rounded->First).AsSByte();
                var second = Vector256.Create(rounded->Second).AsSByte();
                var start = Start<TDot>(rounded);
                var scale = Vector256.Create(rounded->Scale);
                Add<TDot>(low0, high0, unsignedLow0, unsignedHigh0, first, second, start, scale0 * scale, sum);
                if (isPair)
                {
                    Add<TDot>(low1, high1, unsignedLow1, unsignedHigh1, first, second, start, scale1 * scale, sum + Lanes);
                }
            }
        }
    }

    /// <summary>Where the integer sum starts: minus what unsigned weights hold too much.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Start<TDot>(RoundedInnerProducts* h)
        where TDot : struct, IDotProduct => TDot.Excess > 0 ? Vector256.Create(h->MinusExcess) : Vector256<int>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add<TDot>(
        Vector256<sbyte> low, Vector256<sbyte> high, Vector256<byte> unsignedLow, Vector256<byte> unsignedHigh, Vector256<sbyte> first, Vector256<sbyte> second, Vector256<int> start, Vector256<float> scale, float* y)
        where TDot : struct, IDotProduct
    {
        var dot = TDot.MultiplyAdd(TDot.MultiplyAdd(start, low, unsignedLow, first), high, unsignedHigh, second);
        Vector256.FusedMultiplyAdd(scale, Vector256.ConvertToSingle(dot), Vector256.Load(y)).Store(y);
    }
}
