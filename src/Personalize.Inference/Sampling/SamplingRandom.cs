using System.Numerics;

namespace Personalize.Inference.Sampling;

/// <summary>xoshiro256** (Blackman and Vigna, arXiv 1805.01407), seeded by four steps of SplitMix64: the same numbers on every platform and version. Not thread-safe, not for keys.</summary>
public sealed class SamplingRandom
{
    private const double Unit = 1.0 / (1UL << 53);
    private ulong _s0;
    private ulong _s1;
    private ulong _s2;
    private ulong _s3;

    /// <summary>Starts the sequence of one seed.</summary>
    /// <param name="seed">Any value; neighbouring seeds give unrelated sequences.</param>
    public SamplingRandom(ulong seed)
    {
        _s0 = SplitMix(ref seed);
        _s1 = SplitMix(ref seed);
        _s2 = SplitMix(ref seed);
        _s3 = SplitMix(ref seed);
    }

    /// <summary>The next 64 random bits.</summary>
    /// <returns>Every value is equally likely.</returns>
    public ulong NextUInt64()
    {
        var result = BitOperations.RotateLeft(_s1 * 5, 7) * 9;
        var shifted = _s1 << 17;
        _s2 ^= _s0;
        _s3 ^= _s1;
        _s1 ^= _s2;
        _s0 ^= _s3;
        _s2 ^= shifted;
        _s3 = BitOperations.RotateLeft(_s3, 45);
        return result;
    }

    /// <summary>The next number of [0, 1), a multiple of 2^-53.</summary>
    /// <returns>Never 1.</returns>
    public double NextDouble() => (NextUInt64() >> 11) * Unit;

    private static ulong SplitMix(ref ulong state)
    {
        state += 0x9E3779B97F4A7C15;
        var z = state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
