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
    /// <param name="first">A map.</param>
    public void Run(float* x, int tokens, in Projection first) => Run(x, tokens, 1, first, default, default);

    /// <summary>Computes two projections of <paramref name="x"/> in one pass.</summary>
    /// <param name="x">The input <c>[tokens, columns]</c>; must not overlap an output.</param>
    /// <param name="tokens">How many rows there are.</param>
    /// <param name="first">A map.</param>
    /// <param name="second">Another map of as many columns.</param>
    public void Run(float* x, int tokens, in Projection first, in Projection second) => Run(x, tokens, 2, first, second, default);

    /// <summary>Computes up to three projections of <paramref name="x"/> in one pass.</summary>
    /// <param name="x">The input <c>[tokens, columns]</c>; must not overlap an output.</param>
    /// <param name="tokens">How many rows there are.</param>
    /// <param name="first">A map.</param>
    /// <param name="second">Another map of as many columns, or the default for none, nor a third.</param>
    /// <param name="third">Another map of as many columns, or the default for none.</param>
    public void Run(float* x, int tokens, in Projection first, in Projection second, in Projection third) =>
        Run(x, tokens, third.Weight is not null ? 3 : second.Weight is not null ? 2 : 1, first, second, third);

    /// <inheritdoc/>
    public void Dispose()
    {
        _activations?.Dispose();
        _lowRank.Dispose();
    }

    private void Run(float* x, int tokens, int count, in Projection first, in Projection second, in Projection third)
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
            var bias = projection.Pair?.Bias ?? projection.Bias;
            var task = new ProjectionTask
            {
                Weight = projection.Weight.View,
                Output = projection.Output,
                Bias = bias is null ? null : bias.Pointer,
            };
            var isInteger = _activations is not null && IntegerMatrixMultiply.Supports(task.Weight.Format);
            if (projection.Pair is { } pair)
            {
                task.LowRank = isInteger ? default : pair.Term;
                task.ServedLowRank = isInteger ? pair.ServedTerm : default;
                task.RowScale = pair.RowScale;
                task.LowRankInput = lowRank;
                lowRank += (long)LowRankProduct.DownParts * tokens * pair.Rank;
            }

            if (isInteger)
            {
                integers[integerCount++] = task;
            }
            else
            {
                RunSingle(projection.Weight, task, x, tokens);
            }
        }

        if (integerCount > 0)
        {
            _activations!.Fill(_pool, x, tokens, integers[0].Weight.Columns);
            IntegerMatrixMultiply.Run(_pool, _activations, tokens, new ReadOnlySpan<ProjectionTask>(integers, integerCount));
        }
    }

    private void RunSingle(PackedMatrix weight, in ProjectionTask task, float* x, int tokens)
    {
        FloatMatrixMultiply.Forward(_pool, weight, x, tokens, task.Output);
        if (task.LowRankInput is not null)
        {
            var down = new DownWork { Task = task, X = x, Tokens = tokens };
            _pool.Run(ref down, LowRankProduct.DownParts);
        }

        var finish = new FinishWork { Task = task, Tokens = tokens };
        _pool.Run(ref finish, task.Weight.GroupCount, grain: 32);
    }

    private void PlanLowRank(int tokens, LowRankPair? first, LowRankPair? second, LowRankPair? third)
    {
        var needed = (long)LowRankProduct.DownParts * tokens * ((first?.Rank ?? 0) + (second?.Rank ?? 0) + (third?.Rank ?? 0));
        if (needed > _lowRank.Length)
        {
            _lowRank.Dispose();
            _lowRank = new NativeBuffer<float>(needed);
        }
    }

    private struct DownWork : IParallelWork
    {
        public ProjectionTask Task;
        public float* X;
        public int Tokens;

        public readonly void Execute(int start, int end)
        {
            for (var part = start; part < end; part++)
            {
                Task.Down(X, Tokens, part);
            }
        }
    }

    /// <summary>Adds bias and adapter to results of the single-precision path.</summary>
    private struct FinishWork : IParallelWork
    {
        public ProjectionTask Task;
        public int Tokens;

        public readonly void Execute(int start, int end) => Task.Finish(start, end - start, Tokens);
    }
}
