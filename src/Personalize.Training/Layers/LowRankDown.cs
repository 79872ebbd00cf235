using System.Runtime.Intrinsics;
using Personalize.Core.Kernels;

namespace Personalize.Training.Layers;

/// <summary>The product that leads into the low rank: <c>h[tokens, rank] = scale * x[tokens, size] w[rank, size]^T</c>.</summary>
/// <remarks>Both factors are read along their rows, so neither A nor B^T is ever transposed. Every element of h is summed by one thread in one order, wherever it falls in a tile.</remarks>
internal static unsafe partial class LowRankDown
{
    private const int TokensPerUnit = 16;
    private const int TileRanks = 4;

    public static void Run(WorkerPool pool, float* x, float* w, float* h, int tokens, int size, int rank, float scale)
    {
        var work = new Work { X = x, W = w, H = h, Size = size, Rank = rank, Scale = scale };
        pool.Run(ref work, tokens, TokensPerUnit);
    }

    private partial struct Work : IParallelWork
    {
        public float* X;
        public float* W;
        public float* H;
        public int Size;
        public int Rank;
        public float Scale;

        public readonly void Execute(int start, int end)
        {
            var token = start;
            for (; InstructionSets.HasAvx512 && token + TallTokens <= end; token += TallTokens)
            {
                FourTokens(token);
            }

            for (; token < end; token += 2)
            {
                // At an odd end the tile holds the last token twice, and at an odd rank the last rank: the same value is then written to the same place.
                var other = Math.Min(token + 1, end - 1);
                for (var rank = 0; rank < Rank; rank += TileRanks)
                {
                    Tile(X + ((long)token * Size), X + ((long)other * Size), rank, H + ((long)token * Rank), H + ((long)other * Rank));
                }
            }
        }

        private readonly void Tile(float* x0, float* x1, int rank, float* h0, float* h1)
        {
            int ra = rank, rb = Math.Min(rank + 1, Rank - 1), rc = Math.Min(rank + 2, Rank - 1), rd = Math.Min(rank + 3, Rank - 1);
            float* wa = W + ((long)ra * Size), wb = W + ((long)rb * Size), wc = W + ((long)rc * Size), wd = W + ((long)rd * Size);
            Vector256<float> a0 = default, b0 = default, c0 = default, d0 = default, a1 = default, b1 = default, c1 = default, d1 = default;
            var i = 0;
            for (; i + Vector256<float>.Count <= Size; i += Vector256<float>.Count)
            {
                Vector256<float> v0 = Vector256.Load(x0 + i), v1 = Vector256.Load(x1 + i), w = Vector256.Load(wa + i);
                a0 = Vector256.FusedMultiplyAdd(v0, w, a0);
                a1 = Vector256.FusedMultiplyAdd(v1, w, a1);
                w = Vector256.Load(wb + i);
                b0 = Vector256.FusedMultiplyAdd(v0, w, b0);
                b1 = Vector256.FusedMultiplyAdd(v1, w, b1);
                w = Vector256.Load(wc + i);
                c0 = Vector256.FusedMultiplyAdd(v0, w, c0);
                c1 = Vector256.FusedMultiplyAdd(v1, w, c1);
                w = Vector256.Load(wd + i);
                d0 = Vector256.FusedMultiplyAdd(v0, w, d0);
                d1 = Vector256.FusedMultiplyAdd(v1, w, d1);
            }

            h0[ra] = Finish(a0, x0, wa, i);
            h0[rb] = Finish(b0, x0, wb, i);
            h0[rc] = Finish(c0, x0, wc, i);
            h0[rd] = Finish(d0, x0, wd, i);
            h1[ra] = Finish(a1, x1, wa, i);
            h1[rb] = Finish(b1, x1, wb, i);
            h1[rc] = Finish(c1, x1, wc, i);
            h1[rd] = Finish(d1, x1, wd, i);
        }

        private readonly float Finish(Vector256<float> lanes, float* x, float* w, int i)
        {
            var sum = Vector256.Sum(lanes);
            for (; i < Size; i++)
            {
                sum = MathF.FusedMultiplyAdd(x[i], w[i], sum);
            }

            return sum * Scale;
        }
    }
}
