using System.Runtime.InteropServices;

namespace Personalize.Training.Privacy;

/// <summary>Uniform and normal numbers out of a source of bits.</summary>
/// <remarks>
/// Box and Muller (1958): <c>sqrt(-2 ln u) cos(2 pi v)</c> and the same with the sine, of u in (0, 1] and v in [0, 1) of 53 bits each, in double precision. The noise is added before the sum is rounded
/// to the single precision of a gradient, and only what the optimizer makes of it is ever stored.
/// </remarks>
internal sealed class GaussianNoise(IRandomSource source)
{
    private const int PairsAtOnce = 2048;
    private const double Unit = 1.0 / (1L << 53);

    private readonly ulong[] _bits = new ulong[2 * PairsAtOnce];

    /// <summary>Replaces each value x by <c>(x + deviation * normal) * scale</c>.</summary>
    public void Add(Span<float> values, double deviation, double scale)
    {
        while (!values.IsEmpty)
        {
            var count = Math.Min(values.Length, _bits.Length);
            var bits = _bits.AsSpan(0, (count + 1) / 2 * 2);
            source.Fill(MemoryMarshal.AsBytes(bits));
            for (var i = 0; i < bits.Length; i += 2)
            {
                var radius = deviation * Math.Sqrt(-2 * Math.Log(((bits[i] >> 11) + 1) * Unit));
                var (sine, cosine) = Math.SinCos(2 * Math.PI * ((bits[i + 1] >> 11) * Unit));
                values[i] = (float)((values[i] + (radius * cosine)) * scale);
                if (i + 1 < count)
                {
                    values[i + 1] = (float)((values[i + 1] + (radius * sine)) * scale);
                }
            }

            // What the noise was must not be found in memory later.
            bits.Clear();
            values = values[count..];
        }
    }

    /// <summary>Calls back for each index below <paramref name="count"/> that an independent draw of the given probability takes.</summary>
    public void Sample(int count, double probability, Action<int> take)
    {
        Span<ulong> bits = stackalloc ulong[1];
        for (var i = 0; i < count; i++)
        {
            source.Fill(MemoryMarshal.AsBytes(bits));
            if ((bits[0] >> 11) * Unit < probability)
            {
                take(i);
            }
        }
    }
}
