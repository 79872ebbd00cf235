using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Personalize.Training.Layers;

/// <summary>The few vector operations that attention is made of. The lanes are always eight wide, so that results do not depend on the machine's width.</summary>
internal static unsafe class VectorMath
{
    public const int Lanes = 8;

    /// <summary><c>sum of a[i] b[i]</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Dot(float* a, float* b, int length)
    {
        var sum = Vector256<float>.Zero;
        var i = 0;
        for (; i + Lanes <= length; i += Lanes)
        {
            sum = Vector256.FusedMultiplyAdd(Vector256.Load(a + i), Vector256.Load(b + i), sum);
        }

        var total = Vector256.Sum(sum);
        for (; i < length; i++)
        {
            total = MathF.FusedMultiplyAdd(a[i], b[i], total);
        }

        return total;
    }

    /// <summary>The largest of a multiple of <see cref="Lanes"/> elements.</summary>
    public static float Max(float* x, int length)
    {
        var lanes = Vector256.Load(x);
        for (var i = Lanes; i < length; i += Lanes)
        {
            lanes = Vector256.Max(lanes, Vector256.Load(x + i));
        }

        var max = lanes[0];
        for (var lane = 1; lane < Lanes; lane++)
        {
            max = Math.Max(max, lanes[lane]);
        }

        return max;
    }

    /// <summary><c>x[i] *= factor</c>.</summary>
    public static void Multiply(float* x, int length, float factor)
    {
        var lanes = Vector256.Create(factor);
        var i = 0;
        for (; i + Lanes <= length; i += Lanes)
        {
            (Vector256.Load(x + i) * lanes).Store(x + i);
        }

        for (; i < length; i++)
        {
            x[i] *= factor;
        }
    }

    /// <summary><c>y[i] += x[i]</c>.</summary>
    public static void Add(float* x, float* y, int length)
    {
        var i = 0;
        for (; i + Lanes <= length; i += Lanes)
        {
            (Vector256.Load(y + i) + Vector256.Load(x + i)).Store(y + i);
        }

        for (; i < length; i++)
        {
            y[i] += x[i];
        }
    }
}
