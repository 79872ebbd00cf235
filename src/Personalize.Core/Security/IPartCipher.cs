namespace Personalize.Core.Security;

/// <summary>Opens the parts of a sealed file.</summary>
internal interface IPartCipher : IDisposable
{
    /// <summary>How many bytes a sealed part is longer than the part.</summary>
    int Overhead { get; }

    bool TryOpen(ReadOnlySpan<byte> sealedPart, SealContext context, out byte[] part);
}
