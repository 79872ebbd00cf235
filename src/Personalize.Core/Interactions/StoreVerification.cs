using Personalize.Core.Errors;

namespace Personalize.Core.Interactions;

/// <summary>What a full check of the store found.</summary>
/// <param name="Records">How many interactions were checked.</param>
/// <param name="Corrupt">The ids of those that do not authenticate, in time order.</param>
/// <param name="ConsentIntact">Whether the consent ledger is whole.</param>
/// <param name="StructureIntact">Whether the database's own structure is whole; where it is not, rows may be out of reach.</param>
public sealed record StoreVerification(long Records, IReadOnlyList<long> Corrupt, bool ConsentIntact, bool StructureIntact)
{
    /// <summary>Whether the rows are exactly those that were stored and not erased.</summary>
    public bool IsComplete { get; init; } = true;

    /// <summary>How many rows fewer there are than were stored.</summary>
    public long Missing { get; init; }

    /// <summary>The id of the one row that was put back or added, where it is one.</summary>
    public long? Added { get; init; }

    /// <summary>What is wrong with the store as a whole, such as that it was put back to an earlier state; null where nothing is.</summary>
    public StoreIntegrityError? Damage { get; init; }

    /// <summary>The same in words, with what to do.</summary>
    public string? DamageDetail { get; init; }

    /// <summary>Whether nothing at all was found.</summary>
    public bool IsClean => Corrupt.Count == 0 && ConsentIntact && StructureIntact && IsComplete && Damage is null;
}
