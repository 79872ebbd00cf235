using System.Runtime.Intrinsics;
using Personalize.Core.Quantization;

namespace Personalize.Core.Kernels;

/// <summary>
/// Products of 4- and 8-bit weights with rounded activations: integer dot products within a block of 32, one fused multiply-add a block.
/// For each row and token, with <c>dot = sum w xq</c>: <c>acc = fma(d * xs, dot, acc)</c> and, for <see cref="WeightFormat.Q4One"/>, <c>acc = fma(m, xs * sum(xq), acc)</c>, block after block.
/// </summary>
/// <remarks>The integers are exact and the order of the floating-point operations is one and the same, so every instruction set, any number of threads and any number of tokens computed together give the same bits.</remarks>
internal static unsafe partial class IntegerMatrixMultiply
{
    /// <summary>Weights that several tiles of tokens pass over before the next ones: half of the smallest first-level cache.</summary>
    private const int BytesPerPass = 16 << 10;

    /// <summary>Units have at least this part of a thread's share: less is not worth a claim.</summary>
    private const int ShortestPart = 16;

    /// <summary>The most units of a product; with very many threads the last takes what is left.</summary>
    internal const int MostUnits = 256;

    /// <summary>How far ahead weights that pass once are asked for: enough to cover the memory's latency at the rate of one core.</summary>
    private const int BytesAhead = 2048;

    /// <summary>Whether the format is computed in integers.</summary>
    public static bool Supports(WeightFormat format) => format is WeightFormat.Q4Zero or WeightFormat.Q4One or WeightFormat.Q8Zero;

    /// <summary>Computes all projections of one input in one pass.</summary>
    /// <param name="pool">The threads.</param>
    /// <param name="x">The rounded input.</param>
    /// <param name="tokens">How many tokens.</param>
    /// <param name="projections">The maps.</param>
    public static void Run(WorkerPool pool, QuantizedActivations x, int tokens, ReadOnlySpan<ProjectionTask> projections)
    {
        fixed (ProjectionTask* p = projections)
        {
            var groups = 0;
            var downUnits = 0;
            foreach (ref readonly var projection in projections)
            {
                groups += projection.Weight.GroupCount;
                downUnits += projection.ServedLowRank.Rank / PackedMatrix.RowsPerGroup;
            }

            var finished = 0;
            var ends = stackalloc int[MostUnits];
            var units = Divide(groups, pool.ThreadCount, ends);
            var work = new Work
            {
                Projections = p,
                Count = projections.Length,
                X = x.Tile(0),
                Rounding = x.Rounding,
                Tokens = tokens,
                Ends = ends,
                DownUnits = downUnits,
                FinishedDownUnits = &finished,
            };
            pool.Run(ref work, work.DownUnits + units);
        }
    }

    /// <summary>
    /// Cuts groups into units that get smaller: each thread's next takes its share of half of what is left. Long runs keep what a call costs small, short ones at the end keep threads from waiting for each other.
    /// </summary>
    /// <param name="groups">How many there are.</param>
    /// <param name="threads">How many threads claim units.</param>
    /// <param name="ends">Receives the group after each unit's last; has room for <see cref="MostUnits"/>.</param>
    /// <returns>How many units there are.</returns>
    internal static int Divide(int groups, int threads, int* ends)
    {
        var (units, size) = (0, 0);
        for (var done = 0; done < groups; ends[units++] = done)
        {
            if (units % threads == 0)
            {
                var shared = 2 * threads;
                size = Math.Max((groups - done + shared - 1) / shared, groups / (threads * ShortestPart));
            }

            done = units == MostUnits - 1 ? groups : Math.Min(groups, done + size);
        }

        return units;
    }

    /// <summary>The definition: one row, one token.</summary>
    /// <param name="weight">The matrix.</param>
    /// <param name="row">The row, counted from 0.</param>
    /// <param name="x">The token's rounded values.</param>
    /// <param name="scales">The scale of each block.</param>
    internal static float RowScalar(in MatrixView weight, int row, ReadOnlySpan<int> x, ReadOnlySpan<float> scales)
    {
        var lane = row % PackedMatrix.RowsPerGroup;
        var (header, blockBytes) = weight.Format switch
        {
            WeightFormat.Q4Zero => (16, 144),
            WeightFormat.Q4One => (32, 160),
            _ => (16, 272),
        };
        var result = 0f;
        for (var b = 0; b < scales.Length; b++)
        {
            var at = weight.Group(row / PackedMatrix.RowsPerGroup) + (b * (long)blockBytes);
            var dot = 0;
            var sum = 0;
            for (var k = 0; k < PackedMatrix.ColumnsPerBlock; k++)
            {
                var q = weight.Format == WeightFormat.Q8Zero
                    ? ((sbyte*)at)[header + (k / 4 * 32) + (lane * 4) + (k % 4)]
                    : (at[header + (k % 16 / 4 * 32) + (lane * 4) + (k % 4)] >> (k < 16 ? 0 : 4)) & 15;
                var value = x[(b * PackedMatrix.ColumnsPerBlock) + k];
                dot += (weight.Format == WeightFormat.Q4Zero ? q - 8 : q) * value;
                sum += value;
            }

            result = MathF.FusedMultiplyAdd((float)((Half*)at)[lane] * scales[b], dot, result);
            if (weight.Format == WeightFormat.Q4One)
            {
                result = MathF.FusedMultiplyAdd((float)((Half*)(at + 16))[lane], scales[b] * sum, result);
            }
        }

        return result;
    }

    /// <summary>A run of groups and a tile of tokens with a given way of multiplying.</summary>
    internal static void RunTile<TDot>(WeightFormat format, ActivationRounding rounding, int tokens, in RowRun run, in ActivationTile x)
        where TDot : struct, IDotProduct
    {
        switch (tokens)
        {
            case 1:
                RunTile<TDot, Tiles.One>(format, rounding, run, x);
                break;
            case 2:
                RunTile<TDot, Tiles.Two>(format, rounding, run, x);
                break;
            default:
                RunTile<TDot, Tiles.Four>(format, rounding, run, x);
                break;
        }
    }

    private static void RunTile<TDot, TTile>(WeightFormat format, ActivationRounding rounding, in RowRun run, in ActivationTile x)
        where TDot : struct, IDotProduct
        where TTile : struct, ITile
    {
        switch (format, rounding)
        {
            case (WeightFormat.Q4Zero, ActivationRounding.EightBits):
                Narrow<FourBitCentered, TDot, TTile>(run, x);
                break;
            case (WeightFormat.Q4One, ActivationRounding.EightBits):
                Narrow<FourBitWithOffset, TDot, TTile>(run, x);
                break;
            case (WeightFormat.Q4Zero, _):
                Wide<FourBitCentered, TDot, TTile>(run, x);
                break;
            case (WeightFormat.Q4One, _):
                Wide<FourBitWithOffset, TDot, TTile>(run, x);
                break;
            default:
                Wide<EightBit, TDot, TTile>(run, x);
                break;
        }
    }

    private struct Work : IParallelWork
    {
        public ProjectionTask* Projections;
        public int Count;
        public ActivationTile X;
        public ActivationRounding Rounding;
        public int Tokens;

        /// <summary>Where the units of rows end, counted in groups of all projections together.</summary>
        public int* Ends;

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
                    var row = unit - DownUnits;
                    RunRows(row == 0 ? 0 : Ends[row - 1], Ends[row]);
                }
            }
        }

        private readonly void RunDown(int unit)
        {
            for (var i = 0; i < Count; i++)
            {
                ref readonly var projection = ref Projections[i];
                var groups = projection.ServedLowRank.Rank / PackedMatrix.RowsPerGroup;
                if (unit < groups)
                {
                    RunProduct(projection.ServedLowRank.Down, unit, 1, projection.LowRankInput);
                    return;
                }

                unit -= groups;
            }
        }

        private readonly void RunRows(int start, int end)
        {
            var first = 0;
            for (var i = 0; i < Count && first < end; i++)
            {
                ref readonly var projection = ref Projections[i];
                var groups = projection.Weight.GroupCount;
                var last = Math.Min(end - first, groups);
                var step = Tokens <= 4 ? groups : Math.Max(1, (int)(BytesPerPass / projection.Weight.GroupStride));
                for (var group = Math.Max(start, first) - first; group < last; group += step)
                {
                    RunGroups(projection, group, Math.Min(step, last - group));
                }

                first += groups;
            }
        }

        private readonly void RunGroups(in ProjectionTask projection, int group, int count)
        {
            RunProduct(projection.Weight, group, count, projection.Output);
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
        private readonly void RunProduct(in MatrixView weight, int group, int count, float* result)
        {
            var rows = weight.Rows;
            var whole = Math.Min(group + count, rows / PackedMatrix.RowsPerGroup) - group;
            var rest = (group + count) * PackedMatrix.RowsPerGroup > rows ? rows % PackedMatrix.RowsPerGroup : 0;
            var part = stackalloc float[4 * PackedMatrix.RowsPerGroup];
            for (var token = 0; token < Tokens;)
            {
                var tokens = ActivationTile.Next(Tokens - token);
                var x = QuantizedActivations.At(X, token, weight.Columns);
                var output = result + ((long)token * rows) + (group * PackedMatrix.RowsPerGroup);
                var isLast = token + tokens == Tokens;
                var ahead = !isLast ? 0 : Tokens <= 4 ? BytesAhead : count * weight.GroupStride;
                RunTile(weight, group, whole, ahead, tokens, x, output, rows);
                if (rest > 0)
                {
                    // The last group's other rows are padding, for which the output has no room.
                    RunTile(weight, group + whole, 1, 0, tokens, x, part, PackedMatrix.RowsPerGroup);
                    for (var t = 0; t < tokens; t++)
                    {
                        new ReadOnlySpan<float>(part + (t * PackedMatrix.RowsPerGroup), rest).CopyTo(new Span<float>(output + ((long)t * rows) + (whole * PackedMatrix.RowsPerGroup), rest));
                    }
                }

                token += tokens;
            }
        }

        private readonly void RunTile(in MatrixView weight, int group, int count, long ahead, int tokens, in ActivationTile x, float* output, long stride)
        {
            var run = new RowRun { Weights = weight.Group(group), Groups = count, Blocks = weight.Columns / PackedMatrix.ColumnsPerBlock, Ahead = ahead, Output = output, OutputStride = stride };
            if (InstructionSets.HasAvxVnni)
            {
                RunTile<AvxVnniDotProduct>(weight.Format, Rounding, tokens, run, x);
            }
            else if (InstructionSets.HasAvx2)
            {
                RunTile<Avx2DotProduct>(weight.Format, Rounding, tokens, run, x);
            }
            else
            {
                RunTile<PortableDotProduct>(weight.Format, Rounding, tokens, run, x);
            }
        }
    }
}
