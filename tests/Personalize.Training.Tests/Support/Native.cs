using Personalize.Core.Kernels;

namespace Personalize.Training.Tests.Support;

/// <summary>Random native buffers and their gradients by central differences.</summary>
internal static unsafe class Native
{
    public static NativeBuffer<float> Random(Random random, int length, float scale = 1)
    {
        var buffer = new NativeBuffer<float>(length);
        foreach (ref var value in buffer.Span)
        {
            value = scale * ((2 * random.NextSingle()) - 1);
        }

        return buffer;
    }

    public static NativeBuffer<float> Copy(NativeBuffer<float> source)
    {
        var buffer = new NativeBuffer<float>(source.Length);
        source.Span.CopyTo(buffer.Span);
        return buffer;
    }

    /// <summary>The derivative of a scalar function by each element of a buffer.</summary>
    public static double[] CentralDifferences(NativeBuffer<float> at, float step, Func<double> function)
    {
        var gradient = new double[at.Length];
        for (var i = 0; i < gradient.Length; i++)
        {
            var value = at.Pointer[i];
            float above = value + step, below = value - step;
            at.Pointer[i] = above;
            var up = function();
            at.Pointer[i] = below;
            var down = function();
            at.Pointer[i] = value;
            gradient[i] = (up - down) / ((double)above - below);
        }

        return gradient;
    }

    /// <summary>The largest difference, as a fraction of the largest expected magnitude.</summary>
    public static double RelativeError(ReadOnlySpan<double> expected, ReadOnlySpan<float> actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        double difference = 0, largest = 0;
        for (var i = 0; i < expected.Length; i++)
        {
            difference = Math.Max(difference, Math.Abs(expected[i] - actual[i]));
            largest = Math.Max(largest, Math.Abs(expected[i]));
        }

        Assert.NotEqual(0, largest);
        return difference / largest;
    }

    public static double Product(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        var sum = 0d;
        for (var i = 0; i < a.Length; i++)
        {
            sum += (double)a[i] * b[i];
        }

        return sum;
    }
}
