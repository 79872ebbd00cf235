namespace Personalize.Core.Security;

/// <summary>Seals and opens the parts of one sealed file of version 2 under the file's own key: nonce, ciphertext, tag. Owns the key.</summary>
internal sealed class FilePartCipher(ReadOnlySpan<byte> key, ReadOnlySpan<byte> keyId, byte[] storeId) : IPartCipher
{
    private readonly AuthenticatedCipher _cipher = new(key);
    private readonly byte[] _keyId = keyId.ToArray();

    public int Overhead => AuthenticatedCipher.Overhead;

    public byte[] Seal(ReadOnlySpan<byte> part, SealContext context)
    {
        var sealedPart = new byte[part.Length + AuthenticatedCipher.Overhead];
        _cipher.Encrypt(part, context.Encode(storeId, _keyId), sealedPart);
        return sealedPart;
    }

    public bool TryOpen(ReadOnlySpan<byte> sealedPart, SealContext context, out byte[] part)
    {
        part = [];
        if (sealedPart.Length < AuthenticatedCipher.Overhead)
        {
            return false;
        }

        var opened = new byte[sealedPart.Length - AuthenticatedCipher.Overhead];
        if (!_cipher.TryDecrypt(sealedPart, context.Encode(storeId, _keyId), opened))
        {
            return false;
        }

        part = opened;
        return true;
    }

    public void Dispose() => _cipher.Dispose();
}
