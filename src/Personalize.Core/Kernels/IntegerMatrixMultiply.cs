using System.Runtime.Intrinsics;
using Personalize.Core.Quantization;

namespace Personalize.Core.Kernels;

/// <summary>
/// Products of 4- and 8-bit weights with activations rounded to one or two planes of 8 bits: integer dot products within a block of 32, one fused multiply-add a block.
/// For each row and token, with <c>dot = sum w xq</c>, for two planes <c>254 * sum w high + sum w low</c>: <c>acc = fma(d * xs, dot, acc)</c> and, for <see cref="WeightFormat.Q4One"/>, <c>acc = fma(m, xs * sum(xq), acc)</c>, block after block.
/// </summary>
/// <remarks>The integers are exact and the order of the floating-point operations is one and the same, so every instruction set, any number of threads and any number of tokens computed together give the same bits.</remarks>
internal static unsafe partial class IntegerMatrixMultiply
{
    /// <summary>Whether the format is computed in integers.</summary>
    public static bool Supports(WeightFormat format) => format is WeightFormat.Q4Zero or WeightFormat.Q4One or WeightFormat.Q8Zero;

    /// <summary>Computes all projections of one input in one pass.</summary>
    public static void Run(WorkerPool pool, QuantizedActivations x, int tokens, ReadOnlySpan<ProjectionTask> projections)
    {
        fixed (ProjectionTask* p = projections)
        {
            var groups = 0;
            foreach (ref readonly var projection in projections)
            {
                groups += projection.Weight.GroupCount;
            }

            var work = new Work { Projections = p, Count = projections.Length, Quants = x.Quants, LowQuants = x.Rounding == ActivationRounding.TwoPlanes ? x.LowQuants : null, WideQuants = x.WideQuants, Scales = x.Scales, Sums = x.Sums, Tokens = tokens };
            pool.Run(ref work, groups, Math.Max(1, groups / (pool.ThreadCount * 6)));
        }
    }

    /// <summary>The definition: one group of eight rows, one token; <paramref name="low"/> is null for one plane.</summary>
    internal static void GroupScalar(in MatrixView weight, int group, sbyte* x, sbyte* low, float* scales, int* sums, float* y)
    {
        var blocks = weight.Columns / PackedMatrix.ColumnsPerBlock;
        for (var r = 0; r < PackedMatrix.RowsPerGroup; r++)
        {
            var sum = 0f;
            for (var b = 0; b < blocks; b++)
            {
                var (blockBytes, header) = weight.Format switch
                {
                    WeightFormat.Q4Zero => (144, 16),
                    WeightFormat.Q4One => (160, 32),
                    _ => (272, 16),
                };
                var at = weight.Group(group) + (b * (long)blockBytes);
                var dot = 0;
                for (var k = 0; k < PackedMatrix.ColumnsPerBlock; k++)
                {
                    var q = weight.Format == WeightFormat.Q8Zero
                        ? ((sbyte*)at)[header + (k / 4 * 32) + (r * 4) + (k % 4)]
                        : (at[header + (k % 16 / 4 * 32) + (r * 4) + (k % 4)] >> (k < 16 ? 0 : 4)) & 15;
                    var at32 = (b * PackedMatrix.ColumnsPerBlock) + k;
                    dot += q * (low is null ? x[at32] : (QuantizedActivations.PlaneRatio * x[at32]) + low[at32]);
                }

                if (weight.Format == WeightFormat.Q4Zero)
                {
                    dot -= 8 * sums[b];
                }

                sum = MathF.FusedMultiplyAdd((float)((Half*)at)[r] * scales[b], dot, sum);
                if (weight.Format == WeightFormat.Q4One)
                {
                    sum = MathF.FusedMultiplyAdd((float)((Half*)(at + 16))[r], scales[b] * sums[b], sum);
                }
            }

            y[r] = sum;
        }
    }

    private struct Work : IParallelWork
    {
        private const int TokensPerTile = 4;
        public ProjectionTask* Projections;
        public sbyte* Quants;
        public sbyte* LowQuants;
        public short* WideQuants;
        public float* Scales;
        public int* Sums;
        public int Count;
        public int Tokens;

        public readonly void Execute(int start, int end)
        {
            var first = 0;
            for (var i = 0; i < Count && first < end; i++)
            {
                var groups = Projections[i].Weight.GroupCount;
                for (var group = Math.Max(start, first) - first; group < Math.Min(end - first, groups); group++)
                {
                    RunGroup(Projections[i], group);
                }

                first += groups;
            }
        }

        private readonly void RunGroup(in ProjectionTask projection, int group)
        {
            var weight = projection.Weight;
            var columns = weight.Columns;
            var blocks = columns / PackedMatrix.ColumnsPerBlock;
            var tile = stackalloc float[TokensPerTile * PackedMatrix.RowsPerGroup];
            for (var token = 0; token < Tokens;)
            {
                var most = LowQuants is null ? TokensPerTile : TokensPerTile / 2;
                var count = Tokens - token >= most ? most : 1;
                var x = Quants + ((long)token * columns);
                var low = LowQuants is null ? null : LowQuants + ((long)token * columns);
                var scales = Scales + ((long)token * blocks);
                var sums = Sums + ((long)token * blocks);
                if (InstructionSets.HasAvxVnni)
                {
                    GroupAvxVnni(weight, group, x, low, scales, sums, count, tile);
                }
                else if (InstructionSets.HasAvx2)
                {
                    GroupAvx2(weight, group, x, low, WideQuants + ((long)token * columns), scales, sums, count, tile);
                }
                else
                {
                    for (var t = 0; t < count; t++)
                    {
                        GroupScalar(weight, group, x + (t * columns), low is null ? null : low + (t * columns), scales + (t * blocks), sums + (t * blocks), tile + (t * PackedMatrix.RowsPerGroup));
                    }
                }

                for (var t = 0; t < count; t++)
                {
                    Finish(projection, group, token + t, Vector256.Load(tile + (t * PackedMatrix.RowsPerGroup)));
                }

                token += count;
            }
        }

        private static void Finish(in ProjectionTask projection, int group, int token, Vector256<float> y)
        {
            var row = group * PackedMatrix.RowsPerGroup;
            var rows = projection.Weight.Rows - row;
            if (projection.LowRankInput is not null)
            {
                y = LowRankPair.Up(projection.LowRank, projection.LowRankInput + ((long)token * projection.LowRank.Rank), group, y);
            }

            var output = projection.Output + ((long)token * projection.Weight.Rows) + row;
            if (rows >= PackedMatrix.RowsPerGroup)
            {
                (projection.Bias is null ? y : y + Vector256.Load(projection.Bias + row)).Store(output);
                return;
            }

            for (var r = 0; r < rows; r++)
            {
                output[r] = y[r] + (projection.Bias is null ? 0f : projection.Bias[row + r]);
            }
        }
    }
}
