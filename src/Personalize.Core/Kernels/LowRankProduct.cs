using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Personalize.Core.Kernels;

/// <summary>The two products of a pair in single precision, <c>h = A x</c> and <c>y += B h</c>. Sums run in one order, however many tokens and threads there are.</summary>
internal static unsafe class LowRankProduct
{
    /// <summary>Into how many parts the product with A is divided among threads.</summary>
    public const int DownParts = 4;

    private const int Lanes = 8;

    /// <summary>A part of h for some tokens: the columns of one of <see cref="DownParts"/> equal runs, even and odd ones apart. <see cref="SumParts"/> adds the parts in order.</summary>
    /// <param name="term">The pair.</param>
    /// <param name="x">The input, <c>[tokens, in]</c>.</param>
    /// <param name="inputSize">The size of the input.</param>
    /// <param name="tokens">How many tokens.</param>
    /// <param name="part">Which part.</param>
    /// <param name="h">Receives <c>[tokens, rank]</c>.</param>
    public static void Down(in LowRankTerm term, float* x, int inputSize, int tokens, int part, float* h)
    {
        var first = (int)((long)inputSize * part / DownParts);
        var end = (int)((long)inputSize * (part + 1) / DownParts);
        for (var lane = 0; lane < term.Rank; lane += Lanes)
        {
            var token = 0;
            for (; token + 4 <= tokens; token += 4)
            {
                Down<Tiles.Four>(term, lane, x + ((long)token * inputSize), inputSize, first, end, h + ((long)token * term.Rank) + lane);
            }

            for (; token < tokens; token++)
            {
                Down<Tiles.One>(term, lane, x + ((long)token * inputSize), inputSize, first, end, h + ((long)token * term.Rank) + lane);
            }
        }
    }

    /// <summary>Adds up the parts of h for one token.</summary>
    /// <param name="parts">The parts, <c>[parts, rank]</c>, <paramref name="stride"/> apart.</param>
    /// <param name="stride">Elements from a part to the next.</param>
    /// <param name="rank">The padded rank.</param>
    /// <param name="h">Receives the sums.</param>
    public static void SumParts(float* parts, long stride, int rank, float* h)
    {
        for (var lane = 0; lane < rank; lane += Lanes)
        {
            var sum = Vector256.Load(parts + lane);
            for (var part = 1; part < DownParts; part++)
            {
                sum += Vector256.Load(parts + (part * stride) + lane);
            }

            sum.Store(h + lane);
        }
    }

    /// <summary>Adds the pair's part to whole groups of eight outputs: for each eight of the rank, even and odd ones apart, <c>y += sum over r of h[r] B[r]</c>.</summary>
    /// <param name="term">The pair.</param>
    /// <param name="h">The inner products, <c>[tokens, rank]</c>.</param>
    /// <param name="group">The first group.</param>
    /// <param name="count">How many groups.</param>
    /// <param name="y">The first group's outputs of the first token.</param>
    /// <param name="stride">Elements from a token's outputs to the next one's.</param>
    /// <param name="tokens">How many tokens: one or four.</param>
    public static void Up(in LowRankTerm term, float* h, int group, int count, float* y, long stride, int tokens)
    {
        var b = (float*)term.Up + ((long)group * term.Rank * Lanes);
        if (tokens == 4)
        {
            UpFour(b, term.Rank, h, count, y, stride);
        }
        else
        {
            UpOne(b, term.Rank, h, count, y);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Down<TTile>(in LowRankTerm term, int lane, float* x, int inputSize, int first, int end, float* h)
        where TTile : struct, ITile
    {
        var rank = term.Rank;
        var a = (float*)term.Down + ((long)first * rank) + lane;
        var e0 = Vector256<float>.Zero;
        var e1 = e0;
        var e2 = e0;
        var e3 = e0;
        var o0 = e0;
        var o1 = e0;
        var o2 = e0;
        var o3 = e0;
        var k = first;
        for (; k + 2 <= end; k += 2, a += 2 * rank)
        {
            FusedAdd<TTile>(Vector256.Load(a), x + k, inputSize, ref e0, ref e1, ref e2, ref e3);
            FusedAdd<TTile>(Vector256.Load(a + rank), x + k + 1, inputSize, ref o0, ref o1, ref o2, ref o3);
        }

        if (k < end)
        {
            FusedAdd<TTile>(Vector256.Load(a), x + k, inputSize, ref e0, ref e1, ref e2, ref e3);
        }

        (e0 + o0).Store(h);
        if (TTile.Count == 4)
        {
            (e1 + o1).Store(h + rank);
            (e2 + o2).Store(h + (2 * rank));
            (e3 + o3).Store(h + (3 * rank));
        }
    }

    /// <summary>One token: its eight factors stay in registers while the groups pass.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void UpOne(float* groups, int rank, float* h, int count, float* y)
    {
        for (var first = 0; first < rank; first += Lanes, groups += Lanes * Lanes)
        {
            Vector256<float> h0 = Vector256.Create(h[first]), h1 = Vector256.Create(h[first + 1]), h2 = Vector256.Create(h[first + 2]), h3 = Vector256.Create(h[first + 3]);
            Vector256<float> h4 = Vector256.Create(h[first + 4]), h5 = Vector256.Create(h[first + 5]), h6 = Vector256.Create(h[first + 6]), h7 = Vector256.Create(h[first + 7]);
            var b = groups;
            var to = y;
            for (var g = 0; g < count; g++, to += Lanes, b += rank * Lanes)
            {
                var e = h0 * Vector256.Load(b);
                var o = h1 * Vector256.Load(b + Lanes);
                e = Vector256.FusedMultiplyAdd(h2, Vector256.Load(b + (2 * Lanes)), e);
                o = Vector256.FusedMultiplyAdd(h3, Vector256.Load(b + (3 * Lanes)), o);
                e = Vector256.FusedMultiplyAdd(h4, Vector256.Load(b + (4 * Lanes)), e);
                o = Vector256.FusedMultiplyAdd(h5, Vector256.Load(b + (5 * Lanes)), o);
                e = Vector256.FusedMultiplyAdd(h6, Vector256.Load(b + (6 * Lanes)), e);
                o = Vector256.FusedMultiplyAdd(h7, Vector256.Load(b + (7 * Lanes)), o);
                Add(e + o, to);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void UpFour(float* groups, int rank, float* h, int count, float* y, long stride)
    {
        for (var first = 0; first < rank; first += Lanes, groups += Lanes * Lanes)
        {
            var b = groups;
            var to = y;
            for (var g = 0; g < count; g++, to += Lanes, b += rank * Lanes)
            {
                var e0 = Vector256<float>.Zero;
                var e1 = e0;
                var e2 = e0;
                var e3 = e0;
                var o0 = e0;
                var o1 = e0;
                var o2 = e0;
                var o3 = e0;
                for (var r = 0; r < Lanes; r += 2)
                {
                    FusedAdd<Tiles.Four>(Vector256.Load(b + (r * Lanes)), h + first + r, rank, ref e0, ref e1, ref e2, ref e3);
                    FusedAdd<Tiles.Four>(Vector256.Load(b + ((r + 1) * Lanes)), h + first + r + 1, rank, ref o0, ref o1, ref o2, ref o3);
                }

                Add(e0 + o0, to);
                Add(e1 + o1, to + stride);
                Add(e2 + o2, to + (2 * stride));
                Add(e3 + o3, to + (3 * stride));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(Vector256<float> sum, float* to) => (Vector256.Load(to) + sum).Store(to);

    /// <summary>Adds eight elements of A or B, times each token's factor, to the token's sum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void FusedAdd<TTile>(
        Vector256<float> elements, float* factors, int stride, ref Vector256<float> s0, ref Vector256<float> s1, ref Vector256<float> s2, ref Vector256<float> s3)
        where TTile : struct, ITile
    {
        s0 = Vector256.FusedMultiplyAdd(Vector256.Create(factors[0]), elements, s0);
        if (TTile.Count == 4)
        {
            s1 = Vector256.FusedMultiplyAdd(Vector256.Create(factors[stride]), elements, s1);
            s2 = Vector256.FusedMultiplyAdd(Vector256.Create(factors[2 * stride]), elements, s2);
            s3 = Vector256.FusedMultiplyAdd(Vector256.Create(factors[3 * stride]), elements, s3);
        }
    }
}
