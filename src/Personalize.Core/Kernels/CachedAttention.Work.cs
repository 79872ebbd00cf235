using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Personalize.Core.Kernels;

/// <content>How the work is divided: up to three query heads of a key and value head at a time, so that what is loaded and widened serves all of them.</content>
public static unsafe partial class CachedAttention
{
    private const int HeadsPerTile = 3;
    private const int PositionsPerChunk = 128;
    private const int ColumnsPerPart = 32;

    private enum Phase
    {
        /// <summary>A unit is a tile of heads of a token, from scores to output.</summary>
        Whole,

        /// <summary>A unit is a chunk of positions of a tile: exponentials, their maximum and sum.</summary>
        Score,

        /// <summary>A unit is a part of the columns of a tile's output.</summary>
        Mix,
    }

    private partial struct Work<TElement> : IParallelWork
        where TElement : struct, ICacheElement
    {
        public float* Queries;
        public float* SinkQueries;
        public byte* Keys;
        public byte* Values;
        public float* Output;
        public float* Shared;
        public int FirstPosition;
        public CacheLayout Layout;
        public int Heads;
        public int KeyValueHeads;
        public int HeadDimension;
        public Phase Phase;

        /// <summary>Tiles of query heads that share a key and value head, times those heads.</summary>
        public readonly int TilesPerToken => KeyValueHeads * TilesPerGroup;

        /// <summary>Parts of the output's columns that can be computed apart.</summary>
        public readonly int ColumnParts => (HeadDimension + ColumnsPerPart - 1) / ColumnsPerPart;

        /// <summary>Exponentials of each head with room to score a whole group beyond them, then maximum and sum of each chunk.</summary>
        public readonly int FloatsPerTile => HeadsPerTile * (ScoreStride + (2 * MostChunks));

        private readonly int TilesPerGroup => ((Heads / KeyValueHeads) + HeadsPerTile - 1) / HeadsPerTile;

        private readonly int ScoreStride => Layout.Capacity + CapacityAlignment;

        private readonly int MostChunks => (Layout.Capacity + PositionsPerChunk - 1) / PositionsPerChunk;

        /// <summary>Into how many chunks what a token sees is divided.</summary>
        public readonly int ChunkCount(int position) => (Math.Min(position + 1, Layout.VisibleTokens) + PositionsPerChunk - 1) / PositionsPerChunk;

        public readonly void Execute(int start, int end)
        {
            var scratch = Shared is null ? KernelScratch.Floats(FloatsPerTile) : Shared;
            for (var unit = start; unit < end; unit++)
            {
                var parts = Phase == Phase.Score ? ChunkCount(FirstPosition) : Phase == Phase.Mix ? ColumnParts : 1;
                var tile = new HeadTile(this, unit / parts, Shared is null ? scratch : scratch + ((long)(unit / parts) * FloatsPerTile));
                switch (tile.Count)
                {
                    case 1:
                        Run<Tiles.One>(tile, unit % parts);
                        break;
                    case 2:
                        Run<Tiles.Two>(tile, unit % parts);
                        break;
                    default:
                        Run<Tiles.Three>(tile, unit % parts);
                        break;
                }
            }
        }

        private readonly void Run<TTile>(in HeadTile tile, int part)
            where TTile : struct, ITile
        {
            var runs = stackalloc SlotRun[SlotRun.Most];
            var runCount = SlotRun.Visible(Layout, tile.Position, runs);
            switch (Phase)
            {
                case Phase.Score:
                    ScoreChunk<TTile>(tile, runs, runCount, part);
                    break;
                case Phase.Mix:
                    MixColumns<TTile>(tile, runs, runCount, part * ColumnsPerPart);
                    break;
                default:
                    for (var chunk = 0; chunk < ChunkCount(tile.Position); chunk++)
                    {
                        ScoreChunk<TTile>(tile, runs, runCount, chunk);
                    }

                    for (var column = 0; column < HeadDimension; column += ColumnsPerPart)
                    {
                        MixColumns<TTile>(tile, runs, runCount, column);
                    }

                    break;
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void FusedAdd<TTile>(Vector256<float> x, Vector256<float> q, Vector256<float> r, Vector256<float> s, ref Vector256<float> a, ref Vector256<float> b, ref Vector256<float> c)
            where TTile : struct, ITile
        {
            a = Vector256.FusedMultiplyAdd(x, q, a);
            if (TTile.Count > 1)
            {
                b = Vector256.FusedMultiplyAdd(x, r, b);
            }

            if (TTile.Count > 2)
            {
                c = Vector256.FusedMultiplyAdd(x, s, c);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void StoreFour(float* target, Vector256<float> v0, Vector256<float> v1, Vector256<float> v2, Vector256<float> v3)
        {
            v0.Store(target);
            v1.Store(target + 8);
            v2.Store(target + 16);
            v3.Store(target + 24);
        }

        /// <summary>Up to three query heads of one token that share a key and value head, and their scratch memory.</summary>
        private readonly struct HeadTile
        {
            public HeadTile(in Work<TElement> work, int index, float* scratch)
            {
                var token = index / work.TilesPerToken;
                var group = index % work.TilesPerToken / work.TilesPerGroup;
                var perGroup = work.Heads / work.KeyValueHeads;
                var head = index % work.TilesPerGroup * HeadsPerTile;
                Count = Math.Min(HeadsPerTile, perGroup - head);
                Position = work.FirstPosition + token;
                QueryOffset = (((long)token * work.Heads) + (group * perGroup) + head) * work.HeadDimension;
                Keys = work.Keys + ((long)group * work.Layout.Capacity / PositionsPerBlock * BlockBytes<TElement>(work.HeadDimension));
                Values = work.Values + ((long)group * work.Layout.Capacity * work.HeadDimension * TElement.Size);
                Stride = work.ScoreStride;
                Scores = scratch;
                Maxima = scratch + (HeadsPerTile * Stride);
                Sums = Maxima + (HeadsPerTile * work.MostChunks);
            }

            public int Count { get; }

            public int Position { get; }

            public long QueryOffset { get; }

            public byte* Keys { get; }

            public byte* Values { get; }

            public int Stride { get; }

            public float* Scores { get; }

            public float* Maxima { get; }

            public float* Sums { get; }
        }
    }
}
