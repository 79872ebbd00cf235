using Personalize.Core.Kernels;
using Personalize.Training.Layers;
using Personalize.Training.Tests.Support;

namespace Personalize.Training.Tests.Layers;

public sealed unsafe class RmsNormBackwardTests
{
    private const float Epsilon = 1e-5f;
    private const float Step = 1e-2f;
    private const double DifferenceTolerance = 2e-3;
    private const double VectorTolerance = 1e-6;

    [Theory]
    [InlineData(1, 5)]
    [InlineData(3, 16)]
    [InlineData(2, 27)]
    public void Agrees_with_central_differences_and_adds(int tokens, int size)
    {
        var random = new Random(size);
        using var pool = new WorkerPool(2);
        using var x = Native.Random(random, tokens * size);
        using var weight = Native.Random(random, size);
        using var dy = Native.Random(random, tokens * size);
        using var y = new NativeBuffer<float>(x.Length);
        using var before = Native.Random(random, tokens * size);
        using var dx = Native.Copy(before);

        RmsNormBackward.Run(pool, x.Pointer, weight.Pointer, dy.Pointer, dx.Pointer, tokens, size, Epsilon);

        var expected = Native.CentralDifferences(x, Step, () =>
        {
            RmsNorm.Forward(x.Pointer, weight.Pointer, y.Pointer, tokens, size, Epsilon);
            return Native.Product(y.Span, dy.Span);
        });
        for (var i = 0; i < expected.Length; i++)
        {
            expected[i] += before.Pointer[i];
        }

        Assert.InRange(Native.RelativeError(expected, dx.Span), 0, DifferenceTolerance);
    }

    [Theory]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(576)]
    [InlineData(61)]
    public void Vector_equals_scalar(int size)
    {
        var random = new Random(size);
        using var x = Native.Random(random, size);
        using var weight = Native.Random(random, size);
        using var dy = Native.Random(random, size);
        using var scalar = new NativeBuffer<float>(size);
        using var vector = new NativeBuffer<float>(size);

        RmsNormBackward.Scalar(x.Pointer, weight.Pointer, dy.Pointer, scalar.Pointer, size, Epsilon);
        RmsNormBackward.Vector(x.Pointer, weight.Pointer, dy.Pointer, vector.Pointer, size, Epsilon);

        Assert.InRange(OracleAdapter.RelativeError(scalar.Span, vector.Span), 0, VectorTolerance);
    }
}
