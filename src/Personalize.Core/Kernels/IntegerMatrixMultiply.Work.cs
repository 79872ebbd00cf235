using Personalize.Core.Quantization;

namespace Personalize.Core.Kernels;

/// <content>What a thread does of a product: the adapters' inner products first, then units of rows with all tokens.</content>
internal static unsafe partial class IntegerMatrixMultiply
{
    /// <summary>Weights that several tiles of tokens pass over before the next ones: half of the smallest first-level cache.</summary>
    private const int BytesPerPass = 16 << 10;

    /// <summary>How far ahead weights that pass once are asked for: enough to cover the memory's latency at the rate of one core.</summary>
    private const int BytesAhead = 2048;

    /// <summary>How far ahead they are asked for in the second-level cache: the first waits for too few lines at once to cover a slow memory's latency alone.</summary>
    private const int BytesFarAhead = 16 << 10;

    private struct Work : IParallelWork
    {
        public ProjectionTask* Projections;
        public int Count;
        public ActivationTile X;
        public int Tokens;

        /// <summary>Where the units of rows end, counted in groups of all projections together.</summary>
        public int* Ends;
        public int Units;
        public int Threads;

        /// <summary>The first units: the adapters' inner products, eight of a rank each. They are claimed first and wait for nothing, so whoever waits for them waits for a thread at work.</summary>
        public int DownUnits;
        public int* FinishedDownUnits;

        public readonly void Execute(int start, int end)
        {
            for (var unit = start; unit < end; unit++)
            {
                if (unit < DownUnits)
                {
                    RunDown(unit);
                    Interlocked.Increment(ref *FinishedDownUnits);
                }
                else
                {
                    RunRows(unit - DownUnits);
                }
            }
        }

        private readonly void RunDown(int unit)
        {
            var next = GroupAt(FirstOf(Math.Max(0, unit + Threads - DownUnits)));
            for (var i = 0; i < Count; i++)
            {
                ref readonly var projection = ref Projections[i];
                var groups = projection.ServedLowRank.Rank / PackedMatrix.RowsPerGroup;
                if (unit < groups)
                {
                    RunProduct(projection.ServedLowRank.Down, unit, 1, projection.LowRankInput, next);
                    ServedLowRankProduct.Round(projection.LowRankInput + (unit * PackedMatrix.RowsPerGroup), projection.ServedLowRank.Rank, Tokens);
                    return;
                }

                unit -= groups;
            }
        }

        private readonly void RunRows(int unit)
        {
            var (start, end) = (FirstOf(unit), Ends[unit]);
            var first = 0;
            for (var i = 0; i < Count && first < end; i++)
            {
                ref readonly var projection = ref Projections[i];
                var groups = projection.Weight.GroupCount;
                var last = Math.Min(end - first, groups);
                var step = Tokens <= 4 ? groups : Math.Max(2, (int)(BytesPerPass / projection.Weight.GroupStride) / 2 * 2);
                for (var group = Math.Max(start, first) - first; group < last; group += step)
                {
                    var count = Math.Min(step, last - group);
                    var after = first + group + count;
                    RunGroups(projection, group, count, GroupAt(after < end ? after : FirstOf(unit + Threads)));
                }

                first += groups;
            }
        }

        /// <summary>The first group of a unit of rows, counted over all projections; the end for one after the last.</summary>
        private readonly int FirstOf(int unit) => unit == 0 ? 0 : Ends[Math.Min(unit, Units) - 1];

        /// <summary>The packed bytes of a group, counted over all projections; those after the last for the end.</summary>
        private readonly byte* GroupAt(int group)
        {
            var i = 0;
            for (; i < Count - 1 && group >= Projections[i].Weight.GroupCount; i++)
            {
                group -= Projections[i].Weight.GroupCount;
            }

            return Projections[i].Weight.Group(group);
        }

        private readonly void RunGroups(in ProjectionTask projection, int group, int count, byte* next)
        {
            RunProduct(projection.Weight, group, count, projection.Output, next);
            if (projection.LowRankInput is not null)
            {
                while (Volatile.Read(ref *FinishedDownUnits) < DownUnits)
                {
                    WorkerPool.Pause();
                }
            }

            projection.Finish(group, count, Tokens);
        }

        /// <summary>The products of some groups of rows with all tokens.</summary>
        /// <param name="weight">The matrix.</param>
        /// <param name="group">The first group.</param>
        /// <param name="count">How many groups.</param>
        /// <param name="result">The matrix's results.</param>
        /// <param name="next">What this thread is expected to pass over next: were it what lies behind these groups, which is another thread's, each unit would begin with waiting for the memory.</param>
        private readonly void RunProduct(in MatrixView weight, int group, int count, float* result, byte* next)
        {
            var end = group + count;
            for (; Tokens >= IntegerPanel.FewestTokens && IntegerPanel.Supports(weight.Format) && (group + 2) * PackedMatrix.RowsPerGroup <= weight.Rows && group + 2 <= end; group += 2)
            {
                var following = group + 2 < end ? weight.Group(group + 2) : next;
                RunProduct(weight, group, 2, RunPanel(weight, group, result, following), result, following);
            }

            RunProduct(weight, group, end - group, 0, result, next);
        }

        /// <summary>The products of two groups with the tokens that fill tiles of a panel.</summary>
        /// <returns>The first token that is left.</returns>
        private readonly int RunPanel(in MatrixView weight, int group, float* result, byte* following)
        {
            var blocks = weight.Columns / PackedMatrix.ColumnsPerBlock;
            var panel = (byte*)KernelScratch.Floats(IntegerPanel.Bytes(blocks) / sizeof(float));
            IntegerPanel.Widen(weight.Format, weight.Group(group), blocks, panel);
            var token = 0;
            for (int tokens; token + 3 <= Tokens; token += tokens)
            {
                // Five are four and one, six four and two: the rest, fewer than three, goes to the narrower tiles.
                var left = Tokens - token;
                tokens = left >= IntegerPanel.MostTokens ? IntegerPanel.MostTokens : left is 5 or 6 ? 4 : left;
                var next = left - tokens < 3 ? following : weight.Group(group);
                var output = result + ((long)token * weight.Rows) + (group * PackedMatrix.RowsPerGroup);
                IntegerPanel.Multiply(weight.Format, panel, blocks, tokens, QuantizedActivations.At(X, token, weight.Columns), output, weight.Rows, next);
            }

            return token;
        }

        private readonly void RunProduct(in MatrixView weight, int group, int count, int token, float* result, byte* next)
        {
            var rows = weight.Rows;
            var whole = Math.Min(group + count, rows / PackedMatrix.RowsPerGroup) - group;
            var rest = (group + count) * PackedMatrix.RowsPerGroup > rows ? rows % PackedMatrix.RowsPerGroup : 0;
            var part = stackalloc float[4 * PackedMatrix.RowsPerGroup];
            while (token < Tokens && count > 0)
            {
                var tokens = Math.Min(ActivationTile.Next(Tokens - token), Tokens - token);
                var x = QuantizedActivations.At(X, token, weight.Columns);
                var output = result + ((long)token * rows) + (group * PackedMatrix.RowsPerGroup);
                var isLast = token + tokens == Tokens;
                var passesOnce = isLast && Tokens <= 4;
                var ahead = passesOnce ? BytesAhead : isLast ? next - weight.Group(group) : 0;
                var farAhead = passesOnce ? BytesFarAhead : 0;
                if (passesOnce && PassesInPairs(Tokens) && whole >= 2 && 2 * weight.GroupStride <= BytesFarAhead)
                {
                    // Two short groups pass together: what lies before the next two is there or on its way.
                    (ahead, farAhead) = (2 * weight.GroupStride, 0);
                }

                RunTile(weight, group, whole, ahead, farAhead, passesOnce ? next : null, tokens, x, output, rows);
                if (rest > 0)
                {
                    // The last group's other rows are padding, for which the output has no room.
                    RunTile(weight, group + whole, 1, 0, 0, null, tokens, x, part, PackedMatrix.RowsPerGroup);
                    for (var t = 0; t < tokens; t++)
                    {
                        new ReadOnlySpan<float>(part + (t * PackedMatrix.RowsPerGroup), rest).CopyTo(new Span<float>(output + ((long)t * rows) + (whole * PackedMatrix.RowsPerGroup), rest));
                    }
                }

                token += tokens;
            }
        }

        private static void RunTile(in MatrixView weight, int group, int count, long ahead, long farAhead, byte* next, int tokens, in ActivationTile x, float* output, long stride)
        {
            var run = new RowRun { Weights = weight.Group(group), Groups = count, Blocks = weight.Columns / PackedMatrix.ColumnsPerBlock, Ahead = ahead, FarAhead = farAhead, Next = next, Tokens = tokens, Output = output, OutputStride = stride };
            if (InstructionSets.HasAvxVnni)
            {
                RunTile<AvxVnniDotProduct>(weight.Format, tokens, run, x);
            }
            else if (InstructionSets.HasAvx2)
            {
                RunTile<Avx2DotProduct>(weight.Format, tokens, run, x);
            }
            else
            {
                RunTile<PortableDotProduct>(weight.Format, tokens, run, x);
            }
        }
    }
}
