using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Personalize.Training.Layers;

/// <content>512-bit tiles of four tokens by eight ranks. A vector holds eight elements of two tokens, so that a sum still runs in eight lanes and has the bits of the other path.</content>
internal static unsafe partial class LowRankDown
{
    private const int TallTokens = 4;
    private const int TallRanks = 8;

    private partial struct Work
    {
        /// <summary>All ranks of four tokens; what fills no tile goes through the other path.</summary>
        private readonly void FourTokens(int token)
        {
            float* x = X + ((long)token * Size), h = H + ((long)token * Rank);
            var rank = 0;
            for (; rank + TallRanks <= Rank; rank += TallRanks)
            {
                TallTile(x, rank, h);
            }

            for (; rank < Rank; rank += TileRanks)
            {
                Tile(x, x + Size, rank, h, h + Rank);
                Tile(x + (2L * Size), x + (3L * Size), rank, h + (2L * Rank), h + (3L * Rank));
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void TallTile(float* x, int rank, float* h)
        {
            long size = Size, threeRows = 3 * size;
            float* x2 = x + (2 * size), w = W + (rank * size), w3 = w + threeRows, w6 = w3 + threeRows;
            Vector512<float> a0 = default, a1 = default, b0 = default, b1 = default, c0 = default, c1 = default, d0 = default, d1 = default, e0 = default, e1 = default, f0 = default, f1 = default, g0 = default, g1 = default, h0 = default, h1 = default;
            var i = 0;
            for (; i + Vector256<float>.Count <= Size; i += Vector256<float>.Count)
            {
                var v0 = Vector512.Create(Vector256.Load(x + i), Vector256.Load(x + size + i));
                var v1 = Vector512.Create(Vector256.Load(x2 + i), Vector256.Load(x2 + size + i));
                var wa = Twice(w + i);
                a0 = Vector512.FusedMultiplyAdd(v0, wa, a0);
                a1 = Vector512.FusedMultiplyAdd(v1, wa, a1);
                var wb = Twice(w + size + i);
                b0 = Vector512.FusedMultiplyAdd(v0, wb, b0);
                b1 = Vector512.FusedMultiplyAdd(v1, wb, b1);
                var wc = Twice(w + (2 * size) + i);
                c0 = Vector512.FusedMultiplyAdd(v0, wc, c0);
                c1 = Vector512.FusedMultiplyAdd(v1, wc, c1);
                var wd = Twice(w3 + i);
                d0 = Vector512.FusedMultiplyAdd(v0, wd, d0);
                d1 = Vector512.FusedMultiplyAdd(v1, wd, d1);
                var we = Twice(w3 + size + i);
                e0 = Vector512.FusedMultiplyAdd(v0, we, e0);
                e1 = Vector512.FusedMultiplyAdd(v1, we, e1);
                var wf = Twice(w3 + (2 * size) + i);
                f0 = Vector512.FusedMultiplyAdd(v0, wf, f0);
                f1 = Vector512.FusedMultiplyAdd(v1, wf, f1);
                var wg = Twice(w6 + i);
                g0 = Vector512.FusedMultiplyAdd(v0, wg, g0);
                g1 = Vector512.FusedMultiplyAdd(v1, wg, g1);
                var wh = Twice(w6 + size + i);
                h0 = Vector512.FusedMultiplyAdd(v0, wh, h0);
                h1 = Vector512.FusedMultiplyAdd(v1, wh, h1);
            }

            FinishFour(a0, a1, x, w, i, h + rank);
            FinishFour(b0, b1, x, w + size, i, h + rank + 1);
            FinishFour(c0, c1, x, w + (2 * size), i, h + rank + 2);
            FinishFour(d0, d1, x, w + (3 * size), i, h + rank + 3);
            FinishFour(e0, e1, x, w + (4 * size), i, h + rank + 4);
            FinishFour(f0, f1, x, w + (5 * size), i, h + rank + 5);
            FinishFour(g0, g1, x, w + (6 * size), i, h + rank + 6);
            FinishFour(h0, h1, x, w + (7 * size), i, h + rank + 7);
        }

        private readonly void FinishFour(Vector512<float> tokens01, Vector512<float> tokens23, float* x, float* w, int i, float* h)
        {
            h[0] = Finish(tokens01.GetLower(), x, w, i);
            h[Rank] = Finish(tokens01.GetUpper(), x + Size, w, i);
            h[2L * Rank] = Finish(tokens23.GetLower(), x + (2L * Size), w, i);
            h[3L * Rank] = Finish(tokens23.GetUpper(), x + (3L * Size), w, i);
        }

        /// <summary>The same eight elements in both halves.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector512<float> Twice(float* w) => Avx512F.BroadcastVector256ToVector512((double*)w).AsSingle();
    }
}
