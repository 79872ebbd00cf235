using System.Runtime.Intrinsics;
using Personalize.Core.Models;
using Personalize.Core.Quantization;

namespace Personalize.Core.Kernels;

/// <summary>Computes linear maps that share an input, in one of two precisions, with an adapter's part fused into the last step. Owns the scratch memory; one instance a conversation, not thread-safe.</summary>
public sealed unsafe class LinearProjector : IDisposable
{
    private const int MostProjections = 3;
    private readonly WorkerPool _pool;
    private readonly int _maxTokens;
    private readonly QuantizedActivations? _activations;
    private NativeBuffer<float> _lowRank = new(0);

    /// <summary>Plans the scratch memory.</summary>
    /// <param name="pool">The threads.</param>
    /// <param name="precision">The arithmetic; unquantized weights are computed in single precision in any case.</param>
    /// <param name="maxTokens">The most rows an input has.</param>
    /// <param name="maxColumns">The most columns an input has.</param>
    public LinearProjector(WorkerPool pool, ArithmeticPrecision precision, int maxTokens, int maxColumns)
    {
        _pool = pool;
        _maxTokens = maxTokens;
        _activations = precision == ArithmeticPrecision.Served ? new QuantizedActivations(maxTokens, maxColumns) : null;
    }

    /// <summary>How many bytes the scratch memory takes.</summary>
    public long ByteLength => (_activations?.ByteLength ?? 0) + _lowRank.ByteLength;

    /// <summary>Computes the projections of <paramref name="x"/>.</summary>
    /// <param name="x">The input <c>[tokens, columns]</c>; must not overlap an output.</param>
    /// <param name="tokens">How many rows there are.</param>
    /// <param name="rounding">How finely the input is rounded where the product is in integers.</param>
    /// <param name="first">A map.</param>
    public void Run(float* x, int tokens, ActivationRounding rounding, in Projection first) => Run(x, tokens, rounding, 1, first, default, default);

    /// <summary>Computes two projections of <paramref name="x"/> in one pass.</summary>
    /// <param name="x">The input <c>[tokens, columns]</c>; must not overlap an output.</param>
    /// <param name="tokens">How many rows there are.</param>
    /// <param name="rounding">How finely the input is rounded where the product is in integers.</param>
    /// <param name="first">A map.</param>
    /// <param name="second">Another map of as many columns.</param>
    public void Run(float* x, int tokens, ActivationRounding rounding, in Projection first, in Projection second) => Run(x, tokens, rounding, 2, first, second, default);

    /// <summary>Computes three projections of <paramref name="x"/> in one pass.</summary>
    /// <param name="x">The input <c>[tokens, columns]</c>; must not overlap an output.</param>
    /// <param name="tokens">How many rows there are.</param>
    /// <param name="rounding">How finely the input is rounded where the product is in integers.</param>
    /// <param name="first">A map.</param>
    /// <param name="second">Another map of as many columns.</param>
    /// <param name="third">Another map of as many columns.</param>
    public void Run(float* x, int tokens, ActivationRounding rounding, in Projection first, in Projection second, in Projection third) => Run(x, tokens, rounding, 3, first, second, third);

    /// <inheritdoc/>
    public void Dispose()
    {
        _activations?.Dispose();
        _lowRank.Dispose();
    }

    private void Run(float* x, int tokens, ActivationRounding rounding, int count, in Projection first, in Projection second, in Projection third)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(tokens, _maxTokens);
        var tasks = stackalloc ProjectionTask[MostProjections];
        var integers = stackalloc ProjectionTask[MostProjections];
        var integerCount = 0;
        PlanLowRank(tokens, first.Pair, second.Pair, third.Pair);
        var lowRank = _lowRank.Pointer;
        for (var i = 0; i < count; i++)
        {
            ref readonly var projection = ref i == 0 ? ref first : ref i == 1 ? ref second : ref third;
            var task = new ProjectionTask
            {
                Weight = projection.Weight.View,
                Output = projection.Output,

                // With DoRA the bias comes after the rows were rescaled, which is after everything else.
                Bias = projection.Bias is null || IsRescaled(projection) ? null : projection.Bias.Pointer,
            };
            if (projection.Pair is { } pair)
            {
                task.LowRank = pair.Term;
                task.LowRankInput = lowRank;
                lowRank += (long)tokens * pair.Rank;
                var down = new DownWork { Term = task.LowRank, X = x, H = task.LowRankInput, InputSize = pair.InputSize };
                _pool.Run(ref down, tokens, grain: 2);
            }

            if (_activations is not null && IntegerMatrixMultiply.Supports(task.Weight.Format))
            {
                integers[integerCount++] = task;
            }
            else
            {
                FloatMatrixMultiply.Forward(_pool, projection.Weight, x, tokens, projection.Output);
                var finish = new FinishWork { Task = task };
                _pool.Run(ref finish, tokens, grain: 2);
            }
        }

        if (integerCount > 0)
        {
            _activations!.Fill(_pool, x, tokens, integers[0].Weight.Columns, rounding);
            IntegerMatrixMultiply.Run(_pool, _activations, tokens, new ReadOnlySpan<ProjectionTask>(integers, integerCount));
        }

        for (var i = 0; i < count; i++)
        {
            ref readonly var projection = ref i == 0 ? ref first : ref i == 1 ? ref second : ref third;
            if (IsRescaled(projection))
            {
                var rescale = new RescaleWork { Output = projection.Output, Scale = projection.Pair!.RowScale, Bias = projection.Bias is null ? null : projection.Bias.Pointer, Size = projection.Weight.Rows };
                _pool.Run(ref rescale, tokens, grain: 2);
            }
        }
    }

    private static bool IsRescaled(in Projection projection) => projection.Pair is { } pair && pair.RowScale is not null;

    private void PlanLowRank(int tokens, LowRankPair? first, LowRankPair? second, LowRankPair? third)
    {
        var needed = (long)tokens * ((first?.Rank ?? 0) + (second?.Rank ?? 0) + (third?.Rank ?? 0));
        if (needed > _lowRank.Length)
        {
            _lowRank.Dispose();
            _lowRank = new NativeBuffer<float>(needed);
        }
    }

    /// <summary>DoRA's factor of each row, then the bias.</summary>
    private struct RescaleWork : IParallelWork
    {
        public float* Output;
        public float* Scale;
        public float* Bias;
        public int Size;

        public readonly void Execute(int start, int end)
        {
            for (var token = start; token < end; token++)
            {
                var y = Output + ((long)token * Size);
                var i = 0;
                for (; i + Vector256<float>.Count <= Size; i += Vector256<float>.Count)
                {
                    var bias = Bias is null ? Vector256<float>.Zero : Vector256.Load(Bias + i);
                    Vector256.FusedMultiplyAdd(Vector256.Load(y + i), Vector256.Load(Scale + i), bias).Store(y + i);
                }

                for (; i < Size; i++)
                {
                    y[i] = MathF.FusedMultiplyAdd(y[i], Scale[i], Bias is null ? 0 : Bias[i]);
                }
            }
        }
    }

    private struct DownWork : IParallelWork
    {
        public LowRankTerm Term;
        public float* X;
        public float* H;
        public int InputSize;

        public readonly void Execute(int start, int end)
        {
            for (var token = start; token < end; token++)
            {
                LowRankPair.Down(Term, X + ((long)token * InputSize), InputSize, H + ((long)token * Term.Rank));
            }
        }
    }

    /// <summary>Adds bias and adapter to results of the single-precision path.</summary>
    private struct FinishWork : IParallelWork
    {
        public ProjectionTask Task;

        public readonly void Execute(int start, int end)
        {
            if (Task.Bias is null && Task.LowRankInput is null)
            {
                return;
            }

            for (var token = start; token < end; token++)
            {
                for (var group = 0; group < Task.Weight.GroupCount; group++)
                {
                    var row = group * PackedMatrix.RowsPerGroup;
                    var rows = Math.Min(PackedMatrix.RowsPerGroup, Task.Weight.Rows - row);
                    var output = new Span<float>(Task.Output + ((long)token * Task.Weight.Rows) + row, rows);
                    var sum = Vector256<float>.Zero;
                    if (Task.LowRankInput is not null)
                    {
                        sum = LowRankPair.Up(Task.LowRank, Task.LowRankInput + ((long)token * Task.LowRank.Rank), group, sum);
                    }

                    for (var r = 0; r < rows; r++)
                    {
                        output[r] += sum[r] + (Task.Bias is null ? 0f : Task.Bias[row + r]);
                    }
                }
            }
        }
    }
}
