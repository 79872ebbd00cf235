using Personalize.Training.Privacy;

namespace Personalize.Training.Tests.Support;

/// <summary>Bits that come again, for tests alone.</summary>
internal sealed class SeededRandomSource(int seed) : IRandomSource
{
    private readonly Random _random = new(seed);

    public void Fill(Span<byte> bytes) => _random.NextBytes(bytes);
}
