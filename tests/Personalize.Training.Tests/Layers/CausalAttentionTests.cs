using Personalize.Core.Kernels;
using Personalize.Training.Data;
using Personalize.Training.Layers;
using Personalize.Training.Tests.Support;

namespace Personalize.Training.Tests.Layers;

public sealed unsafe class CausalAttentionTests
{
    private const double ReferenceTolerance = 2e-6;
    private const float Step = 1e-2f;
    private const double DifferenceTolerance = 2e-3;

    public static TheoryData<int, int, int, int[]> Shapes => new()
    {
        { 1, 1, 8, [1] },
        { 4, 2, 16, [5, 1, 9] },
        { 9, 3, 64, [33, 17] },
        { 3, 1, 6, [4, 8] },
        { 2, 2, 80, [12] },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Equals_the_reference(int heads, int keyValueHeads, int headDimension, int[] lengths)
    {
        using var data = new Operands(new AttentionShape(heads, keyValueHeads, headDimension), lengths);
        data.Forward();
        data.Backward();

        var output = new double[data.Output.Length];
        var (dq, dk, dv) = (new double[data.Q.Length], new double[data.K.Length], new double[data.V.Length]);
        CausalAttentionReference.Forward(data.Shape, data.Ranges, data.Q.Span, data.K.Span, data.V.Span, output);
        CausalAttentionReference.Backward(data.Shape, data.Ranges, data.Q.Span, data.K.Span, data.V.Span, data.DOutput.Span, dq, dk, dv);

        Assert.InRange(Native.RelativeError(output, data.Output.Span), 0, ReferenceTolerance);
        Assert.InRange(Native.RelativeError(dv, data.Dv.Span), 0, ReferenceTolerance);
        if (lengths.Max() > 1)
        {
            Assert.InRange(Native.RelativeError(dq, data.Dq.Span), 0, ReferenceTolerance);
            Assert.InRange(Native.RelativeError(dk, data.Dk.Span), 0, ReferenceTolerance);
        }
    }

    [Fact]
    public void Gradients_agree_with_central_differences()
    {
        using var data = new Operands(new AttentionShape(4, 2, 8), [3, 6]);
        data.Forward();
        data.Backward();
        double Value()
        {
            data.Forward();
            return Native.Product(data.Output.Span, data.DOutput.Span);
        }

        Assert.InRange(Native.RelativeError(Native.CentralDifferences(data.Q, Step, Value), data.Dq.Span), 0, DifferenceTolerance);
        Assert.InRange(Native.RelativeError(Native.CentralDifferences(data.K, Step, Value), data.Dk.Span), 0, DifferenceTolerance);
        Assert.InRange(Native.RelativeError(Native.CentralDifferences(data.V, Step, Value), data.Dv.Span), 0, DifferenceTolerance);
    }

    [Fact]
    public void An_example_does_not_see_its_neighbours()
    {
        var shape = new AttentionShape(4, 2, 8);
        using var together = new Operands(shape, [3, 6, 2]);
        together.Forward();
        together.Backward();
        var before = (together.Output.Span.ToArray(), together.Dq.Span.ToArray(), together.Dk.Span.ToArray());

        // Change the first and the last example: the middle one must keep its bits.
        together.Q.Span[..(3 * shape.QuerySize)].Fill(0.3f);
        together.K.Span[(9 * shape.KeyValueSize)..].Fill(-2);
        together.V.Span[..(3 * shape.KeyValueSize)].Fill(9);
        together.Forward();
        together.Backward();

        var rows = (3 * shape.QuerySize)..(9 * shape.QuerySize);
        Assert.Equal(before.Item1[rows], together.Output.Span[rows].ToArray());
        Assert.Equal(before.Item2[rows], together.Dq.Span[rows].ToArray());
        var keys = (3 * shape.KeyValueSize)..(9 * shape.KeyValueSize);
        Assert.Equal(before.Item3[keys], together.Dk.Span[keys].ToArray());
        Assert.NotEqual(before.Item1[..rows.Start], together.Output.Span[..rows.Start].ToArray());
    }

    [Fact]
    public void Survives_scores_that_overflow_an_exponential()
    {
        using var data = new Operands(new AttentionShape(2, 1, 8), [7], scale: 60);
        data.Forward();
        data.Backward();
        foreach (var buffer in new[] { data.Output, data.Dq, data.Dk, data.Dv })
        {
            foreach (var value in buffer.Span)
            {
                Assert.True(float.IsFinite(value));
            }
        }
    }

    private sealed class Operands : IDisposable
    {
        private readonly WorkerPool _pool = new(2);
        private readonly NativeBuffer<ExampleRange> _ranges;
        private readonly NativeBuffer<float> _scratch;
        private readonly NativeBuffer<float> _logSumExp;
        private readonly ExampleTable _table;

        public Operands(AttentionShape shape, int[] lengths, float scale = 1)
        {
            Shape = shape;
            var start = 0;
            _ranges = new NativeBuffer<ExampleRange>(lengths.Length);
            for (var i = 0; i < lengths.Length; i++)
            {
                Ranges.Add(new ExampleRange(start, lengths[i]));
                _ranges.Span[i] = Ranges[i];
                start += lengths[i];
            }

            var random = new Random(start);
            _table = new ExampleTable(_ranges.Pointer, lengths.Length, lengths.Max());
            _scratch = new NativeBuffer<float>(CausalAttention.ScratchLength(shape, start, lengths.Length, lengths.Max()));
            _logSumExp = new NativeBuffer<float>(start * shape.Heads);
            Q = Native.Random(random, start * shape.QuerySize, scale);
            K = Native.Random(random, start * shape.KeyValueSize, scale);
            V = Native.Random(random, start * shape.KeyValueSize);
            DOutput = Native.Random(random, start * shape.QuerySize);
            Output = new NativeBuffer<float>(Q.Length);
            Dq = Native.Random(random, start * shape.QuerySize);
            Dk = Native.Random(random, start * shape.KeyValueSize);
            Dv = Native.Random(random, start * shape.KeyValueSize);
        }

        public AttentionShape Shape { get; }

        public List<ExampleRange> Ranges { get; } = [];

        public NativeBuffer<float> Q { get; }

        public NativeBuffer<float> K { get; }

        public NativeBuffer<float> V { get; }

        public NativeBuffer<float> Output { get; }

        public NativeBuffer<float> DOutput { get; }

        public NativeBuffer<float> Dq { get; }

        public NativeBuffer<float> Dk { get; }

        public NativeBuffer<float> Dv { get; }

        public void Forward() => CausalAttention.Forward(_pool, Shape, _table, Ranges[^1].Start + Ranges[^1].Length, Q.Pointer, K.Pointer, V.Pointer, Output.Pointer, _logSumExp.Pointer, _scratch.Pointer);

        public void Backward() => CausalAttention.Backward(
            _pool, Shape, _table, Ranges[^1].Start + Ranges[^1].Length, Q.Pointer, K.Pointer, V.Pointer, Output.Pointer, _logSumExp.Pointer, DOutput.Pointer, Dq.Pointer, Dk.Pointer, Dv.Pointer, _scratch.Pointer);

        public void Dispose()
        {
            foreach (var buffer in new[] { Q, K, V, Output, DOutput, Dq, Dk, Dv, _scratch, _logSumExp })
            {
                buffer.Dispose();
            }

            _ranges.Dispose();
            _pool.Dispose();
        }
    }
}
