using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Personalize.Inference.Sampling;

/// <summary>The largest of many logits and where it first stands.</summary>
public static class LogitMaximum
{
    /// <summary>The largest value, or NaN when any is NaN.</summary>
    internal static float Find(ReadOnlySpan<float> values)
    {
        if (values.Length < Vector256<float>.Count)
        {
            return FindScalar(values);
        }

        ref var start = ref MemoryMarshal.GetReference(values);
        // Vector256.Max hands NaN on, as IEEE 754-2019 maximum does, so that one test at the end suffices.
        var last = (nuint)(values.Length - Vector256<float>.Count);
        var maximum = Vector256.LoadUnsafe(ref start, last);
        for (nuint i = 0; i < last; i += (nuint)Vector256<float>.Count)
        {
            maximum = Vector256.Max(maximum, Vector256.LoadUnsafe(ref start, i));
        }

        var result = maximum[0];
        for (var lane = 1; lane < Vector256<float>.Count; lane++)
        {
            result = MathF.Max(result, maximum[lane]);
        }

        return result;
    }

    /// <summary>Where the largest value stands.</summary>
    /// <param name="values">Logits, or anything else.</param>
    /// <returns>The first index that holds the largest value; -1 when a value is NaN or there is none.</returns>
    public static int IndexOf(ReadOnlySpan<float> values)
    {
        var maximum = Find(values);
        var wanted = Vector256.Create(maximum);
        ref var start = ref MemoryMarshal.GetReference(values);
        var i = 0;
        for (; i <= values.Length - Vector256<float>.Count; i += Vector256<float>.Count)
        {
            var equal = Vector256.Equals(Vector256.LoadUnsafe(ref start, (nuint)i), wanted).ExtractMostSignificantBits();
            if (equal != 0)
            {
                return i + System.Numerics.BitOperations.TrailingZeroCount(equal);
            }
        }

        for (; i < values.Length; i++)
        {
            if (values[i] == maximum)
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>The reference of <see cref="Find"/>.</summary>
    internal static float FindScalar(ReadOnlySpan<float> values)
    {
        var result = float.NegativeInfinity;
        foreach (var value in values)
        {
            result = MathF.Max(result, value);
        }

        return result;
    }
}
