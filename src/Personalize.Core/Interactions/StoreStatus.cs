namespace Personalize.Core.Interactions;

/// <summary>What the store holds, without opening any of it.</summary>
/// <param name="Interactions">How many interactions are stored.</param>
/// <param name="Bytes">The size of the database and its journal.</param>
/// <param name="KeyId">The public id of the key, in hexadecimal.</param>
/// <param name="Oldest">The earliest timestamp, null when empty.</param>
/// <param name="Newest">The latest timestamp, null when empty.</param>
public sealed record StoreStatus(long Interactions, long Bytes, string KeyId, DateTimeOffset? Oldest, DateTimeOffset? Newest);
