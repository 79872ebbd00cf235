namespace Personalize.Core.Security;

/// <summary>What the anchor remembers of a profile: the generation of its key ring, and of the store the number of the last commit with the SHA-256 of the sealed head that it wrote.</summary>
internal sealed record AnchorState(long Generation, long Sequence, byte[] Head);
