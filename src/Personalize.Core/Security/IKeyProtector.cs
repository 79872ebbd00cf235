using Personalize.Core.Errors;

namespace Personalize.Core.Security;

/// <summary>Wraps the key of a profile: by a passphrase, a key file, or what the platform or the app offers. Implementations are safe to share between threads.</summary>
public interface IKeyProtector
{
    /// <summary>A short stable name that is written beside the wrapped key, such as <c>passphrase</c>.</summary>
    string Kind { get; }

    /// <summary>Wraps a key.</summary>
    /// <param name="key">32 bytes; not to be kept.</param>
    /// <param name="associatedData">What the wrapped key is bound to; needed again to unwrap it.</param>
    /// <returns>The wrapped key with all parameters that unwrapping needs.</returns>
    /// <exception cref="StoreKeyException">The protector's own secret is missing or exposed.</exception>
    byte[] Wrap(ReadOnlySpan<byte> key, ReadOnlySpan<byte> associatedData);

    /// <summary>Unwraps a key.</summary>
    /// <param name="wrapped">What <see cref="Wrap"/> gave.</param>
    /// <param name="associatedData">What it was bound to.</param>
    /// <param name="key">Receives the 32 bytes; the caller clears them.</param>
    /// <exception cref="StoreKeyException">The secret is wrong, missing or exposed, or the wrapped key was changed.</exception>
    void Unwrap(ReadOnlySpan<byte> wrapped, ReadOnlySpan<byte> associatedData, Span<byte> key);
}
