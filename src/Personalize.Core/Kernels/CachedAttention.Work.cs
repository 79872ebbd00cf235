using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Personalize.Core.Kernels;

/// <content>How the work is divided: tiles of up to six rows, query heads of one token or of several that share a key and value head, so that what is loaded and widened serves all of them.</content>
public static unsafe partial class CachedAttention
{
    private const int MostRows = 6;

    /// <summary>The rows for which 256-bit vectors have registers.</summary>
    private const int FewRows = 3;
    private const int PositionsPerChunk = 128;
    private const int ColumnsPerPart = 32;

    /// <summary>The rows of a tile for which there are registers.</summary>
    private static int RowsPerTile => InstructionSets.HasAvx512 ? MostRows : FewRows;

    private partial struct Work<TElement> : IParallelWork
        where TElement : struct, ICacheElement
    {
        public float* Queries;
        public float* SinkQueries;
        public byte* Keys;
        public byte* Values;
        public float* Output;
        public float* Shared;
        public int Tokens;
        public int FirstPosition;
        public CacheLayout Layout;
        public int Heads;
        public int KeyValueHeads;
        public int HeadDimension;

        /// <summary>How many tiles there are.</summary>
        public readonly int TileCount => KeyValueHeads * TilesPerGroup * (((FirstPosition + Tokens - 1) / TokensPerTile) - (FirstPosition / TokensPerTile) + 1);

        /// <summary>Room for what each chunk gives.</summary>
        public readonly int FloatsPerTile => MostChunks * FloatsPerChunk;

        /// <summary>Room for a chunk's mixed values and for maximum and sum of its exponentials, in cache lines of its own: another thread has the next chunk.</summary>
        private readonly int FloatsPerChunk
        {
            get
            {
                const int Alignment = CacheLine.PairBytes / sizeof(float);
                return ((RowsPerTile * (HeadDimension + 2)) + Alignment - 1) / Alignment * Alignment;
            }
        }

        private readonly int HeadsPerTile => Math.Min(Heads / KeyValueHeads, RowsPerTile);

        private readonly int TilesPerGroup => ((Heads / KeyValueHeads) + HeadsPerTile - 1) / HeadsPerTile;

        /// <summary>A power of two, so that the tokens of a tile, which begins at a multiple of it, have as many chunks each; one where tokens have been dropped, since what they see then begins at different places.</summary>
        private readonly int TokensPerTile => Tokens == 1 || Layout.DropsTokens(FirstPosition + Tokens - 1) ? 1 : 1 << BitOperations.Log2((uint)(RowsPerTile / HeadsPerTile));

        private readonly int MostChunks => (Layout.Capacity + PositionsPerChunk - 1) / PositionsPerChunk;

        /// <summary>Into how many chunks what a token sees is divided.</summary>
        public readonly int ChunkCount(int position) => (Math.Min(position + 1, Layout.VisibleTokens) + PositionsPerChunk - 1) / PositionsPerChunk;

        /// <summary>Units are whole tiles; with <see cref="Shared"/>, chunks of tiles, which <see cref="Finish"/> adds up.</summary>
        public readonly void Execute(int start, int end)
        {
            var chunks = Shared is null ? 1 : ChunkCount(FirstPosition + Tokens - 1);
            var scratch = Shared is null ? KernelScratch.Floats(FloatsPerTile) : Shared;
            for (var unit = start; unit < end; unit++)
            {
                var tile = new HeadTile(this, unit / chunks, Shared is null ? scratch : scratch + ((long)(unit / chunks) * FloatsPerTile));
                switch (tile.Rows)
                {
                    case 1:
                        Run<Tiles.One>(tile, unit % chunks);
                        break;
                    case 2:
                        Run<Tiles.Two>(tile, unit % chunks);
                        break;
                    case 3:
                        Run<Tiles.Three>(tile, unit % chunks);
                        break;
                    case 4:
                        Run<Tiles.Four>(tile, unit % chunks);
                        break;
                    case 5:
                        Run<Tiles.Five>(tile, unit % chunks);
                        break;
                    default:
                        Run<Tiles.Six>(tile, unit % chunks);
                        break;
                }
            }
        }

        /// <summary>The outputs of tiles whose chunks are all there.</summary>
        public readonly void Finish(int tiles)
        {
            for (var tile = 0; tile < tiles; tile++)
            {
                Combine(new HeadTile(this, tile, Shared + ((long)tile * FloatsPerTile)));
            }
        }

        [SkipLocalsInit]
        private readonly void Run<TTile>(in HeadTile tile, int chunk)
            where TTile : struct, ITile
        {
            var runs = stackalloc SlotRun[SlotRun.Most];
            var runCount = SlotRun.Visible(Layout, tile.Position, runs);
            var weights = stackalloc float[MostRows * PositionsPerChunk];

            // Earlier tiles may have a chunk less than the last.
            var end = ChunkCount(tile.Position);
            end = Shared is null ? end : Math.Min(end, chunk + 1);
            for (; chunk < end; chunk++)
            {
                ScoreChunk<TTile>(tile, runs, runCount, chunk, weights);
                MixChunk<TTile>(tile, runs, runCount, chunk, weights);
            }

            if (Shared is null)
            {
                Combine(tile);
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

        /// <summary>Adds up a tile's chunks, each times what it counts.</summary>
        private readonly void Combine(in HeadTile tile)
        {
            var chunks = ChunkCount(tile.Position);
            var stride = FloatsPerChunk;
            for (var row = 0; row < tile.Rows; row++)
            {
                var maxima = tile.Maxima(0) + row;
                var sums = tile.Sums(0) + row;
                var end = maxima + ((long)chunks * stride);
                var largest = *maxima;
                for (var maximum = maxima; maximum < end; maximum += stride)
                {
                    largest = MathF.Max(largest, *maximum);
                }

                // From here on what a chunk counts stands in the place of its maximum.
                var total = 0f;
                for (var weight = maxima; weight < end; weight += stride, sums += stride)
                {
                    *weight = VectorExp.Exp(*weight - largest);
                    total += *weight * *sums;
                }

                for (var weight = maxima; weight < end; weight += stride)
                {
                    *weight /= total;
                }

                var output = Output + tile.Offset(row);
                for (var column = 0; column < HeadDimension; column += 8)
                {
                    var mixed = tile.Mixed(0) + (row * HeadDimension) + column;
                    var sum = Vector256<float>.Zero;
                    for (var weight = maxima; weight < end; weight += stride, mixed += stride)
                    {
                        sum = Vector256.FusedMultiplyAdd(Vector256.Create(*weight), Vector256.Load(mixed), sum);
                    }

                    sum.Store(output + column);
                }
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

        /// <summary>Query heads that share a key and value head, of one token or of several that see the same chunks, and their scratch memory.</summary>
        private readonly struct HeadTile
        {
            private readonly int _heads;
            private readonly int _tokens;
            private readonly int _size;
            private readonly long _tokenStride;
            private readonly long _offset;
            private readonly float* _chunks;
            private readonly int _floatsPerChunk;

            public HeadTile(in Work<TElement> work, int index, float* scratch)
            {
                var tilesPerToken = work.KeyValueHeads * work.TilesPerGroup;
                var group = index % tilesPerToken / work.TilesPerGroup;
                var perGroup = work.Heads / work.KeyValueHeads;
                var head = index % work.TilesPerGroup * work.HeadsPerTile;
                var together = work.TokensPerTile;
                var position = ((work.FirstPosition / together) + (index / tilesPerToken)) * together;
                var token = Math.Max(position, work.FirstPosition) - work.FirstPosition;
                _heads = Math.Min(work.HeadsPerTile, perGroup - head);
                _tokens = Math.Min(position + together - work.FirstPosition, work.Tokens) - token;
                _size = work.HeadDimension;
                _tokenStride = (long)work.Heads * _size;
                _offset = (token * _tokenStride) + (((group * perGroup) + head) * _size);
                Position = work.FirstPosition + token + _tokens - 1;
                Keys = work.Keys + ((long)group * work.Layout.Capacity / PositionsPerBlock * BlockBytes<TElement>(_size));
                Values = work.Values + ((long)group * work.Layout.Capacity * _size * TElement.Size);
                _chunks = scratch;
                _floatsPerChunk = work.FloatsPerChunk;
            }

            /// <summary>Heads times tokens.</summary>
            public int Rows => _heads * _tokens;

            /// <summary>The last token's position.</summary>
            public int Position { get; }

            public byte* Keys { get; }

            public byte* Values { get; }

            /// <summary>A chunk's weighted sums of values, <c>[rows, headDim]</c>.</summary>
            public float* Mixed(int chunk) => _chunks + ((long)chunk * _floatsPerChunk);

            /// <summary>A chunk's largest scores, <c>[rows]</c>.</summary>
            public float* Maxima(int chunk) => Mixed(chunk) + (RowsPerTile * _size);

            /// <summary>A chunk's sums of exponentials, <c>[rows]</c>.</summary>
            public float* Sums(int chunk) => Maxima(chunk) + RowsPerTile;

            /// <summary>Where a row lies in queries and output.</summary>
            public long Offset(int row) => _offset + (row / _heads * _tokenStride) + (row % _heads * _size);

            /// <summary>How many positions before the last token a row's token stands.</summary>
            public int Before(int row) => _tokens - 1 - (row / _heads);
        }
    }
}
