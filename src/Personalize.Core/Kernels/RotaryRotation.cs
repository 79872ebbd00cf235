using System.Runtime.Intrinsics;

namespace Personalize.Core.Kernels;

/// <summary>The arithmetic that <see cref="RotaryTable"/> and <see cref="RotaryAngles"/> share, so that both give the same bits.</summary>
/// <remarks>Angles are computed in double precision: a single-precision angle at position 100,000 would be off by a hundredth of a radian.</remarks>
internal static unsafe class RotaryRotation
{
    /// <summary>The angle of one position for each pair, <c>base^(-2i/d) / factor_i</c>.</summary>
    public static double[] Frequencies(int headDimension, int rotaryDimension, float frequencyBase, ReadOnlySpan<float> factors)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rotaryDimension, headDimension);
        var frequencies = new double[rotaryDimension / 2];
        for (var i = 0; i < frequencies.Length; i++)
        {
            frequencies[i] = Math.Pow(frequencyBase, -2d * i / rotaryDimension) / (factors.IsEmpty ? 1d : factors[i]);
        }

        return frequencies;
    }

    /// <summary>Writes the cosines of a position, then its sines, <c>[2, pairs]</c>.</summary>
    public static void Fill(double[] frequencies, int position, float* row)
    {
        for (var i = 0; i < frequencies.Length; i++)
        {
            var (sin, cos) = Math.SinCos(position * frequencies[i]);
            row[i] = (float)cos;
            row[frequencies.Length + i] = (float)sin;
        }
    }

    /// <summary>Rotates consecutive heads <c>[heads, headDim]</c> in place; a sign of -1 rotates back.</summary>
    public static void Rotate(float* row, int pairs, int headDimension, float* x, int heads, float sign)
    {
        var cos = row;
        var sin = row + pairs;
        for (var head = 0; head < heads; head++, x += headDimension)
        {
            var y = x + pairs;
            var i = 0;
            for (; i + 8 <= pairs; i += 8)
            {
                var c = Vector256.Load(cos + i);
                var s = Vector256.Load(sin + i) * sign;
                var first = Vector256.Load(x + i);
                var second = Vector256.Load(y + i);
                ((first * c) - (second * s)).Store(x + i);
                ((second * c) + (first * s)).Store(y + i);
            }

            for (; i < pairs; i++)
            {
                var (first, second, s) = (x[i], y[i], sin[i] * sign);
                x[i] = (first * cos[i]) - (second * s);
                y[i] = (second * cos[i]) + (first * s);
            }
        }
    }
}
