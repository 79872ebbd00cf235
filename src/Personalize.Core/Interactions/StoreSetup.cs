using Personalize.Core.Privacy;
using Personalize.Core.Security;

namespace Personalize.Core.Interactions;

/// <summary>What a profile gives its store.</summary>
/// <param name="Path">The database.</param>
/// <param name="Ring">The epoch keys; shared.</param>
/// <param name="StoreId">The random name of the store.</param>
/// <param name="Time">Where the time comes from.</param>
/// <param name="Writer">Whether the caller holds the profile's lock.</param>
internal sealed record StoreSetup(string Path, KeyRing Ring, Guid StoreId, TimeProvider Time, bool Writer)
{
    /// <summary>The anchor, owned by the store; null for none.</summary>
    public RollbackAnchor? Anchor { get; init; }

    /// <summary>Whether an anchor has been made, so that one that is absent was taken away.</summary>
    public bool IsAnchored { get; init; }

    /// <summary>Called when the first anchor was made.</summary>
    public Action Anchored { get; init; } = () => { };

    /// <summary>What is taken out of texts before they are stored.</summary>
    public IReadOnlyList<IRedactor> Redactors { get; init; } = [];

    /// <summary>How many values a key may seal.</summary>
    public long SealLimit { get; init; } = SealedBox.MaximumSeals;

    /// <summary>How many rows there are at least before their duplicate keys are entered in the table of those.</summary>
    public int FewestWaitingRows { get; init; } = TakenKeys.DefaultFewest;
}
