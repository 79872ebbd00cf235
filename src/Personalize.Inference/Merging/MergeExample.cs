namespace Personalize.Inference.Merging;

/// <summary>A text that a merge is calibrated or judged with, as token ids. Immutable by convention.</summary>
/// <param name="Ids">The tokens, a prompt and a reply.</param>
/// <param name="FirstTarget">The first token that counts, usually the length of the prompt; token 0 follows nothing and never counts.</param>
public sealed record MergeExample(int[] Ids, int FirstTarget)
{
    internal int FirstScored => Math.Max(1, FirstTarget);

    internal int ScoredCount => Math.Max(0, Ids.Length - FirstScored);
}
