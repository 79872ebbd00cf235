namespace Personalize.Training.Adapters;

/// <summary>Uniform numbers that depend on a key and an index alone: the same on every platform, in any order of drawing.</summary>
/// <remarks>
/// <c>value[i] = (2 u - 1) * bound</c>, where u is the top 24 bits of <c>mix(key * 0xD1342543DE82EF95 + (i + 1) * 0x9E3779B97F4A7C15)</c> over 2^24 and mix is the finalizer of
/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014).
/// </remarks>
internal static class UniformStream
{
    private const ulong KeyMultiplier = 0xD134_2543_DE82_EF95;
    private const ulong Increment = 0x9E37_79B9_7F4A_7C15;
    private const int MantissaBits = 24;

    /// <summary>Fills the values with numbers from <c>-bound</c> up to, but not including, <paramref name="bound"/>.</summary>
    public static void Fill(Span<float> values, ulong key, float bound)
    {
        var state = unchecked(key * KeyMultiplier);
        for (var i = 0; i < values.Length; i++)
        {
            state = unchecked(state + Increment);
            var unit = (float)(Mix(state) >> (64 - MantissaBits)) / (1 << MantissaBits);
            values[i] = ((2 * unit) - 1) * bound;
        }
    }

    /// <summary>A well mixed key for one of many streams of a seed.</summary>
    public static ulong Key(ulong seed, ulong stream) => unchecked(Mix(seed + Increment) + stream);

    /// <summary>The finalizer of SplitMix64.</summary>
    public static ulong Mix(ulong z)
    {
        unchecked
        {
            z = (z ^ (z >> 30)) * 0xBF58_476D_1CE4_E5B9;
            z = (z ^ (z >> 27)) * 0x94D0_49BB_1331_11EB;
            return z ^ (z >> 31);
        }
    }
}
