using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Personalize.Core.Kernels;

/// <content>The kernels: up to three query heads of a key and value head at a time, so that what is loaded and widened serves all of them.</content>
public static unsafe partial class CachedAttention
{
    private const int HeadsPerTile = 3;
    private const int PositionsPerChunk = 128;
    private const int ColumnsPerPart = 32;

    /// <summary>How many positions ahead values are asked for: a cache is read once a token and lies in memory, not near the processor.</summary>
    private const int RowsAhead = 16;

    private enum Phase
    {
        /// <summary>A unit is a tile of heads of a token, from scores to output.</summary>
        Whole,

        /// <summary>A unit is a chunk of positions of a tile: exponentials, their maximum and sum.</summary>
        Score,

        /// <summary>A unit is a part of the columns of a tile's output.</summary>
        Mix,
    }

    private struct Work<TElement> : IParallelWork
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

        /// <summary>Exponentials of a chunk's scores relative to its largest, which is kept with their sum.</summary>
        [SkipLocalsInit]
        private readonly void ScoreChunk<TTile>(in HeadTile tile, SlotRun* runs, int runCount, int chunk)
            where TTile : struct, ITile
        {
            var first = chunk * PositionsPerChunk;
            var count = Math.Min(PositionsPerChunk, Math.Min(tile.Position + 1, Layout.VisibleTokens) - first);
            var query = stackalloc float[HeadsPerTile * HeadDimension];

            // Groups are scored whole, so a chunk has room of its own before its scores go to their places.
            var scores = stackalloc float[HeadsPerTile * (PositionsPerChunk + (2 * CapacityAlignment))];
            var place = 0;
            var done = 0;
            for (var run = 0; run < runCount; place += runs[run].Count, run++)
            {
                var from = Math.Max(first + done, place);
                var taken = Math.Min(first + count, place + runs[run].Count) - from;
                if (taken > 0)
                {
                    ScaleQueries((runs[run].AreSinks ? SinkQueries : Queries) + tile.QueryOffset, query, TTile.Count);
                    ScoreRun<TTile>(query, tile.Keys, runs[run].First + (from - place), taken, scores, tile.Scores + from);
                    done += taken;
                }
            }

            for (var head = 0; head < TTile.Count; head++)
            {
                Exponentiate(tile.Scores + (head * tile.Stride) + first, count, out tile.Maxima[(head * MostChunks) + chunk], out tile.Sums[(head * MostChunks) + chunk]);
            }
        }

        private readonly void ScaleQueries(float* queries, float* scaled, int count)
        {
            var factor = Vector256.Create(TElement.Scale);
            for (var d = 0; d < count * HeadDimension; d += 8)
            {
                (Vector256.Load(queries + d) * factor).Store(scaled + d);
            }
        }

        /// <summary>Scores a run of slots that need not start at a whole group.</summary>
        private readonly void ScoreRun<TTile>(float* query, byte* keys, int first, int count, float* whole, float* scores)
            where TTile : struct, ITile
        {
            var stride = PositionsPerChunk + (2 * CapacityAlignment);
            var skipped = first % CapacityAlignment;
            var groups = (skipped + count + CapacityAlignment - 1) / CapacityAlignment;
            Score<TTile>(query, keys + ((long)(first - skipped) * HeadDimension * TElement.Size), groups, whole, stride);
            for (var head = 0; head < TTile.Count; head++)
            {
                new ReadOnlySpan<float>(whole + (head * stride) + skipped, count).CopyTo(new Span<float>(scores + (head * ScoreStride), count));
            }
        }

        /// <summary><c>q k / sqrt(headDim)</c> for groups of 32 positions, each sum in the order of the columns.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Score<TTile>(float* query, byte* keys, int groups, float* scores, int stride)
            where TTile : struct, ITile
        {
            var size = HeadDimension;
            var block = (long)size * PositionsPerBlock * TElement.Size;
            var factor = Vector256.Create(1f / MathF.Sqrt(size));
            for (var group = 0; group < groups; group++, keys += 4 * block, scores += CapacityAlignment)
            {
                var a0 = Vector256<float>.Zero;
                var a1 = a0;
                var a2 = a0;
                var a3 = a0;
                var b0 = a0;
                var b1 = a0;
                var b2 = a0;
                var b3 = a0;
                var c0 = a0;
                var c1 = a0;
                var c2 = a0;
                var c3 = a0;
                var key = keys;
                var next = keys + (4 * block);
                for (var d = 0; d < size; d++, key += PositionsPerBlock * TElement.Size, next += 4 * PositionsPerBlock * TElement.Size)
                {
                    Prefetch(next);
                    var q = Vector256.Create(query[d]);
                    var r = TTile.Count > 1 ? Vector256.Create(query[size + d]) : q;
                    var s = TTile.Count > 2 ? Vector256.Create(query[(2 * size) + d]) : q;
                    FusedAdd<TTile>(TElement.Load(key), q, r, s, ref a0, ref b0, ref c0);
                    FusedAdd<TTile>(TElement.Load(key + block), q, r, s, ref a1, ref b1, ref c1);
                    FusedAdd<TTile>(TElement.Load(key + (2 * block)), q, r, s, ref a2, ref b2, ref c2);
                    FusedAdd<TTile>(TElement.Load(key + (3 * block)), q, r, s, ref a3, ref b3, ref c3);
                }

                StoreFour(scores, a0 * factor, a1 * factor, a2 * factor, a3 * factor);
                if (TTile.Count > 1)
                {
                    StoreFour(scores + stride, b0 * factor, b1 * factor, b2 * factor, b3 * factor);
                }

                if (TTile.Count > 2)
                {
                    StoreFour(scores + (2 * stride), c0 * factor, c1 * factor, c2 * factor, c3 * factor);
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Exponentiate(float* scores, int count, out float largest, out float sum)
        {
            var padded = (count + 7) / 8 * 8;
            var last = stackalloc float[8];
            Vector256.Create(float.NegativeInfinity).Store(last);
            new ReadOnlySpan<float>(scores + padded - 8, count - (padded - 8)).CopyTo(new Span<float>(last, 8));
            var max = Vector256.Load(last);
            for (var p = 0; p < padded - 8; p += 8)
            {
                max = Vector256.Max(max, Vector256.Load(scores + p));
            }

            max = Vector256.Max(max, Vector256.Shuffle(max, Vector256.Create(4, 5, 6, 7, 0, 1, 2, 3)));
            max = Vector256.Max(max, Vector256.Shuffle(max, Vector256.Create(2, 3, 0, 1, 6, 7, 4, 5)));
            largest = MathF.Max(max[0], max[1]);
            var shift = Vector256.Create(largest);
            var factor = Vector256.Create(TElement.Scale);
            var total = Vector256<float>.Zero;
            for (var p = 0; p < padded - 8; p += 8)
            {
                var weight = Vector256.Exp(Vector256.Load(scores + p) - shift);
                (weight * factor).Store(scores + p);
                total += weight;
            }

            var rest = Vector256.Exp(Vector256.Load(last) - shift);
            (rest * factor).Store(last);
            new ReadOnlySpan<float>(last, count - (padded - 8)).CopyTo(new Span<float>(scores + padded - 8, 8));
            sum = Vector256.Sum(total + rest);
        }

        /// <summary>Up to 32 columns of the tile's outputs: each chunk's weighted values, times what the chunk counts.</summary>
        [SkipLocalsInit]
        private readonly void MixColumns<TTile>(in HeadTile tile, SlotRun* runs, int runCount, int column)
            where TTile : struct, ITile
        {
            var chunks = ChunkCount(tile.Position);
            var positions = Math.Min(tile.Position + 1, Layout.VisibleTokens);
            var shares = stackalloc float[HeadsPerTile];
            var mixed = stackalloc float[HeadsPerTile * ColumnsPerPart];
            var columns = Math.Min(ColumnsPerPart, HeadDimension - column);
            var largest = stackalloc float[HeadsPerTile];
            var total = stackalloc float[HeadsPerTile];
            for (var head = 0; head < TTile.Count; head++)
            {
                CombineChunks(tile, head, chunks, out largest[head], out total[head]);
            }

            for (var chunk = 0; chunk < chunks; chunk++)
            {
                var first = chunk * PositionsPerChunk;
                var end = Math.Min(positions, first + PositionsPerChunk);
                for (var head = 0; head < TTile.Count; head++)
                {
                    shares[head] = MathF.Exp(tile.Maxima[(head * MostChunks) + chunk] - largest[head]) / total[head];
                }

                if (columns == ColumnsPerPart)
                {
                    Mix<TTile>(tile, runs, runCount, first, end, column, mixed);
                }
                else
                {
                    MixFew<TTile>(tile, runs, runCount, first, end, column, columns, mixed);
                }

                for (var head = 0; head < TTile.Count; head++)
                {
                    var output = Output + tile.QueryOffset + ((long)head * HeadDimension) + column;
                    for (var c = 0; c < columns; c += 8)
                    {
                        var before = chunk == 0 ? Vector256<float>.Zero : Vector256.Load(output + c);
                        Vector256.FusedMultiplyAdd(Vector256.Create(shares[head]), Vector256.Load(mixed + (head * ColumnsPerPart) + c), before).Store(output + c);
                    }
                }
            }
        }

        private readonly void CombineChunks(in HeadTile tile, int head, int chunks, out float largest, out float total)
        {
            var maxima = tile.Maxima + (head * MostChunks);
            largest = maxima[0];
            for (var chunk = 1; chunk < chunks; chunk++)
            {
                largest = MathF.Max(largest, maxima[chunk]);
            }

            total = 0f;
            for (var chunk = 0; chunk < chunks; chunk++)
            {
                total += MathF.Exp(maxima[chunk] - largest) * tile.Sums[(head * MostChunks) + chunk];
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Mix<TTile>(in HeadTile tile, SlotRun* runs, int runCount, int first, int end, int column, float* mixed)
            where TTile : struct, ITile
        {
            var a0 = Vector256<float>.Zero;
            var a1 = a0;
            var a2 = a0;
            var a3 = a0;
            var b0 = a0;
            var b1 = a0;
            var b2 = a0;
            var b3 = a0;
            var c0 = a0;
            var c1 = a0;
            var c2 = a0;
            var c3 = a0;
            var row = (long)HeadDimension * TElement.Size;
            var stride = tile.Stride;
            var place = 0;
            for (var run = 0; run < runCount; place += runs[run].Count, run++)
            {
                var from = Math.Max(first, place);
                var to = Math.Min(end, place + runs[run].Count);
                var value = tile.Values + ((((long)(runs[run].First + (from - place)) * HeadDimension) + column) * TElement.Size);
                var weights = tile.Scores + from;
                for (var p = from; p < to; p++, weights++, value += row)
                {
                    Prefetch(value + (RowsAhead * row));
                    var q = Vector256.Create(weights[0]);
                    var r = TTile.Count > 1 ? Vector256.Create(weights[stride]) : q;
                    var s = TTile.Count > 2 ? Vector256.Create(weights[2 * stride]) : q;
                    FusedAdd<TTile>(TElement.Load(value), q, r, s, ref a0, ref b0, ref c0);
                    FusedAdd<TTile>(TElement.Load(value + (8 * TElement.Size)), q, r, s, ref a1, ref b1, ref c1);
                    FusedAdd<TTile>(TElement.Load(value + (16 * TElement.Size)), q, r, s, ref a2, ref b2, ref c2);
                    FusedAdd<TTile>(TElement.Load(value + (24 * TElement.Size)), q, r, s, ref a3, ref b3, ref c3);
                }
            }

            StoreFour(mixed, a0, a1, a2, a3);
            if (TTile.Count > 1)
            {
                StoreFour(mixed + ColumnsPerPart, b0, b1, b2, b3);
            }

            if (TTile.Count > 2)
            {
                StoreFour(mixed + (2 * ColumnsPerPart), c0, c1, c2, c3);
            }
        }

        /// <summary><see cref="Mix"/> for the columns that do not fill a part, eight at a time.</summary>
        private readonly void MixFew<TTile>(in HeadTile tile, SlotRun* runs, int runCount, int first, int end, int column, int columns, float* mixed)
            where TTile : struct, ITile
        {
            for (var head = 0; head < TTile.Count; head++)
            {
                for (var c = 0; c < columns; c += 8)
                {
                    var sum = Vector256<float>.Zero;
                    var place = 0;
                    for (var run = 0; run < runCount; place += runs[run].Count, run++)
                    {
                        for (var p = Math.Max(first, place); p < Math.Min(end, place + runs[run].Count); p++)
                        {
                            var value = tile.Values + ((((long)(runs[run].First + (p - place)) * HeadDimension) + column + c) * TElement.Size);
                            sum = Vector256.FusedMultiplyAdd(TElement.Load(value), Vector256.Create(tile.Scores[(head * tile.Stride) + p]), sum);
                        }
                    }

                    sum.Store(mixed + (head * ColumnsPerPart) + c);
                }
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
        private static void Prefetch(byte* address)
        {
            if (Sse.IsSupported)
            {
                Sse.Prefetch0(address);
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
                var bytes = (long)group * work.Layout.Capacity * work.HeadDimension * TElement.Size;
                Keys = work.Keys + bytes;
                Values = work.Values + bytes;
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
