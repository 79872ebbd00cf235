namespace Personalize.Core.Interactions;

/// <summary>What a full check of the store found.</summary>
/// <param name="Records">How many interactions were checked.</param>
/// <param name="Corrupt">The ids of those that do not authenticate, in time order.</param>
/// <param name="ConsentIntact">Whether the consent ledger is whole.</param>
/// <param name="StructureIntact">Whether the database's own structure is whole; where it is not, rows may be out of reach.</param>
public sealed record StoreVerification(long Records, IReadOnlyList<long> Corrupt, bool ConsentIntact, bool StructureIntact)
{
    /// <summary>Whether nothing at all was found.</summary>
    public bool IsClean => Corrupt.Count == 0 && ConsentIntact && StructureIntact;
}
