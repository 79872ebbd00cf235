using Personalize.Core.Errors;
using Personalize.Core.Privacy;

namespace Personalize.Core.Interactions;

/// <summary>The encrypted store of a person's interactions. What it acknowledges survives a kill and a power cut. Safe to share between threads.</summary>
public interface IInteractionStore : IDisposable
{
    /// <summary>What the person has consented to.</summary>
    IConsentLedger Consent { get; }

    /// <summary>How many interactions are stored.</summary>
    /// <exception cref="StoreIntegrityException">The database is damaged.</exception>
    long Count { get; }

    /// <summary>Stores one interaction; when this returns it is durable.</summary>
    /// <param name="interaction">The interaction; its <see cref="Interaction.Id"/> is not looked at.</param>
    /// <returns>The id it was given.</returns>
    /// <exception cref="ConsentRequiredException">There is no consent for its source; nothing was stored.</exception>
    /// <exception cref="InvalidInteractionException">Its text is empty, not valid Unicode or too long, or it is stored already.</exception>
    /// <exception cref="ProfileAccessException">The store was opened for reading, cannot be written, or the disk is full; nothing was stored.</exception>
    /// <exception cref="StoreIntegrityException">The database or the consent ledger is damaged.</exception>
    long Append(Interaction interaction);

    /// <summary>Stores many interactions in one transaction: all of them or, if anything is thrown, none. One whose external id its source has stored before is passed over.</summary>
    /// <param name="interactions">Read once, inside the transaction.</param>
    /// <returns>For each the id it was given, or null where it was stored already.</returns>
    /// <exception cref="ConsentRequiredException">There is no consent for one of the sources.</exception>
    /// <exception cref="InvalidInteractionException">A text is empty, not valid Unicode or too long.</exception>
    /// <exception cref="ProfileAccessException">The store was opened for reading, cannot be written, or the disk is full.</exception>
    /// <exception cref="StoreIntegrityException">The database or the consent ledger is damaged.</exception>
    IReadOnlyList<long?> AppendMany(IEnumerable<Interaction> interactions);

    /// <summary>Reads everything by time, then id, one at a time: what was stored when the reading began.</summary>
    /// <returns>A lazy sequence; each enumeration reads anew.</returns>
    /// <exception cref="StoreIntegrityException">While enumerating: a row was changed (it is named), or the database is damaged.</exception>
    IEnumerable<Interaction> ReadAll();

    /// <summary>Reads what is whole, in the same order, and passes over rows that were changed: to export from a damaged store.</summary>
    /// <returns>A lazy sequence; each enumeration reads anew.</returns>
    /// <exception cref="StoreIntegrityException">While enumerating: the database's structure is damaged so that no further row can be reached.</exception>
    IEnumerable<Interaction> ReadIntact();

    /// <summary>Reads one interaction.</summary>
    /// <param name="id">The id the store gave.</param>
    /// <returns>The interaction, or null if there is none of this id.</returns>
    /// <exception cref="StoreIntegrityException">The row was changed.</exception>
    Interaction? Get(long id);

    /// <summary>Erases one interaction; its bytes are overwritten and the journal is emptied. While another process reads the store, the journal keeps sealed bytes until that has ended.</summary>
    /// <param name="id">The id the store gave.</param>
    /// <returns>Whether there was one.</returns>
    /// <exception cref="ProfileAccessException">The store was opened for reading, or cannot be written.</exception>
    bool Erase(long id);

    /// <summary>Erases all interactions, as <see cref="Erase"/> does one. Consent stays as it is.</summary>
    /// <returns>How many there were.</returns>
    /// <exception cref="ProfileAccessException">The store was opened for reading, or cannot be written.</exception>
    long EraseAll();

    /// <summary>Erases several interactions in one transaction, as <see cref="Erase"/> does one.</summary>
    /// <param name="ids">Ids the store gave; one that is not there is passed over.</param>
    /// <returns>How many there were.</returns>
    /// <exception cref="ProfileAccessException">The store was opened for reading, or cannot be written.</exception>
    /// <exception cref="StoreIntegrityException">The store as a whole is damaged.</exception>
    long EraseMany(IReadOnlyCollection<long> ids);

    /// <summary>The interactions of one source. Every record is opened for it.</summary>
    /// <param name="source">The app or channel, compared character by character.</param>
    /// <returns>Their ids, by time.</returns>
    /// <exception cref="StoreIntegrityException">The database's structure is damaged.</exception>
    IReadOnlyList<long> FindSource(string source);

    /// <summary>The interactions that a policy does not keep.</summary>
    /// <param name="policy">The limits.</param>
    /// <returns>Their ids, newest first.</returns>
    /// <exception cref="StoreIntegrityException">The database's structure is damaged.</exception>
    IReadOnlyList<long> FindExpired(RetentionPolicy policy);

    /// <summary>Accepts what is there: rows that do not authenticate are removed, a ledger of consent that was tampered with is begun anew (nothing is consented to), and the head and the anchor are made to fit. For a person who knows what happened.</summary>
    /// <returns>How many interactions were there once and are given up.</returns>
    /// <exception cref="ProfileAccessException">The store was opened for reading, or cannot be written.</exception>
    /// <exception cref="StoreIntegrityException">The database's structure is damaged.</exception>
    long Mend();

    /// <summary>Checks the structure of the database, every interaction, whether they are all there, the consent ledger and the anchor.</summary>
    /// <param name="cancellationToken">Stops between two rows.</param>
    /// <returns>What was found; damage is reported here, not thrown.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    StoreVerification Verify(CancellationToken cancellationToken = default);

    /// <summary>Counts and sizes, without opening a record.</summary>
    /// <returns>The figures of this moment.</returns>
    /// <exception cref="StoreIntegrityException">The database is damaged.</exception>
    StoreStatus GetStatus();
}
