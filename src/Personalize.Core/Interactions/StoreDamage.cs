using Personalize.Core.Errors;

namespace Personalize.Core.Interactions;

/// <summary>What is wrong with a store as a whole; each call that it concerns throws an exception of its own.</summary>
internal sealed record StoreDamage(StoreIntegrityError Error, string Path, string What, string? Table = null, string? Row = null)
{
    public StoreIntegrityException ToException() => new(Error, Path, What, Table, Row);
}
