using System.Buffers.Binary;

namespace Personalize.Cli.Benchmarks;

/// <summary>SplitMix64 (Steele, Lea and Flood 2014): seeded, and fast enough for gigabytes.</summary>
internal sealed class Noise(ulong seed)
{
    private const float Unit = 1f / (1 << 24);
    private ulong _state = seed;

    public ulong Next()
    {
        var z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>Uniform in [-1, 1).</summary>
    public float NextSigned() => (2 * Unit * (Next() >> 40)) - 1;

    public void Fill(Span<byte> bytes)
    {
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes, Next());
        }

        if (bytes.Length > 0)
        {
            Span<byte> rest = stackalloc byte[sizeof(ulong)];
            BinaryPrimitives.WriteUInt64LittleEndian(rest, Next());
            rest[..bytes.Length].CopyTo(bytes);
        }
    }
}
