namespace Personalize.Core.Security;

/// <summary>The parts of files of version 1, each sealed by the box itself. Borrows the box.</summary>
internal sealed class BoxPartCipher(SealedBox box) : IPartCipher
{
    public int Overhead => SealedBox.Overhead;

    public bool TryOpen(ReadOnlySpan<byte> sealedPart, SealContext context, out byte[] part) => box.TryOpen(sealedPart, context, out part, out _);

    public void Dispose()
    {
    }
}
