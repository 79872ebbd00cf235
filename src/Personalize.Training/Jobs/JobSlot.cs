namespace Personalize.Training.Jobs;

/// <summary>A place of the plan for one interaction.</summary>
/// <param name="InteractionId">Its id in the store; kept where it was erased, so that the adapters that saw it can be named.</param>
/// <param name="Digest">The digest of its tokens, null once it was erased: the digest of a short text would give the text away to whoever can guess it.</param>
/// <param name="ErasedAfter">How many adapters of the run saw it before it was erased; 0 while it is there.</param>
internal sealed record JobSlot(long InteractionId, string? Digest, int ErasedAfter)
{
    /// <summary>Whether a planted secret stands here, which is in no store; its id is negative.</summary>
    public bool IsCanary => InteractionId < 0;

    public bool IsErased => Digest is null;
}
