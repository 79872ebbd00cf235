using Personalize.Core.Kernels;
using Personalize.Training.Layers;
using Personalize.Training.Tests.Support;

namespace Personalize.Training.Tests.Layers;

public sealed unsafe class SwiGluBackwardTests
{
    private const float Step = 1e-2f;
    private const double DifferenceTolerance = 2e-3;
    private const double VectorTolerance = 1e-6;

    [Theory]
    [InlineData(1, 3)]
    [InlineData(5, 16)]
    [InlineData(3, 27)]
    public void Agrees_with_central_differences(int tokens, int size)
    {
        var random = new Random(size);
        using var pool = new WorkerPool(2);
        using var gate = Native.Random(random, tokens * size, 4);
        using var up = Native.Random(random, tokens * size);
        using var dy = Native.Random(random, tokens * size);
        using var y = new NativeBuffer<float>(gate.Length);
        double Value()
        {
            SwiGlu.Forward(gate.Pointer, up.Pointer, y.Pointer, gate.Length);
            return Native.Product(y.Span, dy.Span);
        }

        var dGate = Native.CentralDifferences(gate, Step, Value);
        var dUp = Native.CentralDifferences(up, Step, Value);

        SwiGluBackward.Run(pool, gate.Pointer, up.Pointer, dy.Pointer, tokens, size);

        Assert.InRange(Native.RelativeError(dGate, gate.Span), 0, DifferenceTolerance);
        Assert.InRange(Native.RelativeError(dUp, up.Span), 0, DifferenceTolerance);
    }

    [Fact]
    public void Vector_equals_scalar_from_small_to_saturated()
    {
        const int Count = 403;
        var random = new Random(7);
        using var gate = Native.Random(random, Count, 100);
        using var up = Native.Random(random, Count);
        using var dy = Native.Random(random, Count);
        using var gateScalar = Native.Copy(gate);
        using var upScalar = Native.Copy(up);

        SwiGluBackward.Vector(gate.Pointer, up.Pointer, dy.Pointer, Count);
        SwiGluBackward.Scalar(gateScalar.Pointer, upScalar.Pointer, dy.Pointer, Count);

        Assert.InRange(OracleAdapter.RelativeError(gateScalar.Span, gate.Span), 0, VectorTolerance);
        Assert.InRange(OracleAdapter.RelativeError(upScalar.Span, up.Span), 0, VectorTolerance);
    }
}
