using Personalize.Core.Errors;

namespace Personalize.Core.Security;

/// <summary>
/// A protector whose own secret can be exchanged while a profile's key is rotated, so that copies of what the old secret wrapped open no more. In between, both secrets unwrap and the new one wraps. One that is not of this kind keeps its
/// secret: old copies of <c>profile.json</c> then open old copies of the data for whoever has it. Implementations are safe to share between threads.
/// </summary>
public interface IRenewableKeyProtector : IKeyProtector
{
    /// <summary>Adds a new secret, durably. <see cref="IKeyProtector.Wrap"/> uses it from now on.</summary>
    /// <exception cref="ProfileAccessException">It cannot be kept; nothing changed.</exception>
    void BeginRenewal();

    /// <summary>Destroys every secret but the one that wraps. Nothing happens where there is only one.</summary>
    /// <exception cref="ProfileAccessException">The old secret cannot be removed; both still unwrap.</exception>
    void CompleteRenewal();
}
