using Personalize.Core.Errors;

namespace Personalize.Core.Interactions;

/// <summary>What the store holds, without opening any of it.</summary>
/// <param name="Interactions">How many interactions are stored.</param>
/// <param name="Bytes">The size of the database and its journal.</param>
/// <param name="KeyId">The public id of the key, in hexadecimal.</param>
/// <param name="Oldest">The earliest timestamp, null when empty.</param>
/// <param name="Newest">The latest timestamp, null when empty.</param>
public sealed record StoreStatus(long Interactions, long Bytes, string KeyId, DateTimeOffset? Oldest, DateTimeOffset? Newest)
{
    /// <summary>How many secrets were taken out of texts before they were stored.</summary>
    public long Redacted { get; init; }

    /// <summary>How many interactions were found missing or damaged and given up by <see cref="IInteractionStore.Mend"/>.</summary>
    public long Lost { get; init; }

    /// <summary>How many values the key has sealed; at 2^31 it is refused.</summary>
    public long Seals { get; init; }

    /// <summary>Whether a change of the key was cut short, so that an old one still opens something.</summary>
    public bool IsKeyChangePending { get; init; }

    /// <summary>What is wrong with the store as a whole, such as that it was put back to an earlier state; null where nothing is.</summary>
    public StoreIntegrityError? Damage { get; init; }
}
