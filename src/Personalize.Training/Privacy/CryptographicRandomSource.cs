using System.Security.Cryptography;

namespace Personalize.Training.Privacy;

/// <summary>The system's cryptographic generator.</summary>
internal sealed class CryptographicRandomSource : IRandomSource
{
    public void Fill(Span<byte> bytes) => RandomNumberGenerator.Fill(bytes);
}
