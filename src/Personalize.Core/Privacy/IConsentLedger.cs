using Personalize.Core.Errors;

namespace Personalize.Core.Privacy;

/// <summary>
/// What the person has consented to, as a list that only grows. Without consent nothing is stored from a source; withdrawing it stops storing from then on and leaves what is stored.
/// Safe to share between threads.
/// </summary>
public interface IConsentLedger
{
    /// <summary>Every decision, oldest first.</summary>
    /// <exception cref="StoreIntegrityException">The ledger was tampered with.</exception>
    IReadOnlyList<ConsentEntry> History { get; }

    /// <summary>Whether the last decision about a source was to give consent.</summary>
    /// <param name="source">The app or channel, compared character by character.</param>
    /// <returns>False also where the source was never heard of.</returns>
    /// <exception cref="StoreIntegrityException">The ledger was tampered with: then nothing counts as consented to.</exception>
    bool IsGiven(string source);

    /// <summary>Writes down that the person consents. Nothing is written where they did already.</summary>
    /// <param name="source">The app or channel.</param>
    /// <exception cref="InvalidInteractionException">The source has no name, or one that is not valid Unicode.</exception>
    /// <exception cref="ProfileAccessException">The store was opened for reading, or cannot be written.</exception>
    /// <exception cref="StoreIntegrityException">The ledger was tampered with.</exception>
    void Give(string source);

    /// <summary>Writes down that the person no longer consents. Nothing is written where they did not before.</summary>
    /// <param name="source">The app or channel.</param>
    /// <exception cref="InvalidInteractionException">The source has no name, or one that is not valid Unicode.</exception>
    /// <exception cref="ProfileAccessException">The store was opened for reading, or cannot be written.</exception>
    /// <exception cref="StoreIntegrityException">The ledger was tampered with.</exception>
    void Withdraw(string source);
}
