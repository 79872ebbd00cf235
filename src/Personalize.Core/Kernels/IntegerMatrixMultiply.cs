using Personalize.Core.Quantization;

namespace Personalize.Core.Kernels;

/// <summary>
/// Products of 4- and 8-bit weights with rounded activations: integer dot products within a block of 32, one fused multiply-add a block.
/// For each row and token, with <c>dot = sum w xq</c>: <c>acc = fma(d * xs, dot, acc)</c> and, for <see cref="WeightFormat.Q4One"/>, <c>acc = fma(m, xsum, acc)</c>, block after block;
/// then, for each outlier of the token, <c>acc = fma(d * w, x, acc)</c>.
/// </summary>
/// <remarks>The integers are exact and the order of the floating-point operations is one and the same, so every instruction set, any number of threads and any number of tokens computed together give the same bits.</remarks>
internal static unsafe partial class IntegerMatrixMultiply
{
    /// <summary>Units have at least this part of a thread's share: less is not worth a claim.</summary>
    private const int ShortestPart = 16;

    /// <summary>The most units of a product; with very many threads the last takes what is left.</summary>
    internal const int MostUnits = 256;

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
                Tokens = tokens,
                Ends = ends,
                Units = units,
                Threads = pool.ThreadCount,
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

                // Panels take two groups at a time.
                size += size & 1;
            }

            done = units == MostUnits - 1 ? groups : Math.Min(groups, done + size);
        }

        return units;
    }

    /// <summary>The definition: one row, one token.</summary>
    /// <param name="weight">The matrix.</param>
    /// <param name="row">The row, counted from 0.</param>
    /// <param name="x">The token's blocks, in order.</param>
    internal static float RowScalar(in MatrixView weight, int row, ReadOnlySpan<RoundedBlock> x)
    {
        var result = 0f;
        for (var b = 0; b < x.Length; b++)
        {
            var dot = 0;
            for (var k = 0; k < PackedMatrix.ColumnsPerBlock; k++)
            {
                dot += Value(weight, row, b, k) * x[b].Values[k];
            }

            result = MathF.FusedMultiplyAdd(Header(weight, row, b, 0) * x[b].Scale, dot, result);
            if (weight.Format == WeightFormat.Q4One)
            {
                result = MathF.FusedMultiplyAdd(Header(weight, row, b, 16), x[b].ScaledSum, result);
            }
        }

        for (var b = 0; b < x.Length; b++)
        {
            for (var k = 0; k < PackedMatrix.ColumnsPerBlock; k++)
            {
                if (x[b].Outliers[k] != 0f)
                {
                    result = MathF.FusedMultiplyAdd(Header(weight, row, b, 0) * Value(weight, row, b, k), x[b].Outliers[k], result);
                }
            }
        }

        return result;
    }

    private static byte* BlockAt(in MatrixView weight, int row, int block) =>
        weight.Group(row / PackedMatrix.RowsPerGroup) + (block * (weight.Format switch { WeightFormat.Q4Zero => 144L, WeightFormat.Q4One => 160L, _ => 272L }));

    private static float Header(in MatrixView weight, int row, int block, int offset) => (float)((Half*)(BlockAt(weight, row, block) + offset))[row % PackedMatrix.RowsPerGroup];

    private static int Value(in MatrixView weight, int row, int block, int column)
    {
        var lane = row % PackedMatrix.RowsPerGroup;
        var values = BlockAt(weight, row, block) + (weight.Format == WeightFormat.Q4One ? 32 : 16);
        if (weight.Format == WeightFormat.Q8Zero)
        {
            return ((sbyte*)values)[(column / 4 * 32) + (lane * 4) + (column % 4)];
        }

        var q = (values[(column % 16 / 4 * 32) + (lane * 4) + (column % 4)] >> (column < 16 ? 0 : 4)) & 15;
        return weight.Format == WeightFormat.Q4Zero ? q - 8 : q;
    }

    /// <summary>A run of groups and a tile of tokens with a given way of multiplying.</summary>
    internal static void RunTile<TDot>(WeightFormat format, int tokens, in RowRun run, in ActivationTile x)
        where TDot : struct, IDotProduct
    {
        switch (tokens)
        {
            case 1:
                RunPairs<TDot, Tiles.One>(format, run, x);
                break;
            case 2:
                RunPairs<TDot, Tiles.Two>(format, run, x);
                break;
            default:
                RunFour<TDot>(format, run, x);
                break;
        }
    }

    /// <summary>Whether a tile of tokens passes over two groups of rows at once: the sums of four tokens, and what they are made of, do not fit in sixteen registers.</summary>
    private static bool PassesInPairs(int tokens) => tokens <= 2 || InstructionSets.HasAvx512;

    private static void RunPairs<TDot, TTile>(WeightFormat format, in RowRun run, in ActivationTile x)
        where TDot : struct, IDotProduct
        where TTile : struct, ITile
    {
        switch (format)
        {
            case WeightFormat.Q4Zero:
                MultiplyPairs<FourBitCentered, TDot, TTile>(run, x);
                break;
            case WeightFormat.Q4One:
                MultiplyPairs<FourBitWithOffset, TDot, TTile>(run, x);
                break;
            default:
                MultiplyPairs<EightBit, TDot, TTile>(run, x);
                break;
        }
    }

    private static void RunFour<TDot>(WeightFormat format, in RowRun run, in ActivationTile x)
        where TDot : struct, IDotProduct
    {
        if (PassesInPairs(4))
        {
            RunPairs<TDot, Tiles.Four>(format, run, x);
            return;
        }

        switch (format)
        {
            case WeightFormat.Q4Zero:
                Multiply<FourBitCentered, TDot, Tiles.Four>(run, x);
                break;
            case WeightFormat.Q4One:
                Multiply<FourBitWithOffset, TDot, Tiles.Four>(run, x);
                break;
            default:
                Multiply<EightBit, TDot, Tiles.Four>(run, x);
                break;
        }
    }
}
