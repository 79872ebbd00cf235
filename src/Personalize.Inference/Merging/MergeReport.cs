namespace Personalize.Inference.Merging;

/// <summary>What was chosen, what it takes and what it keeps. Losses are means over the judging text, in nats a token; divergences are KL(attached || merged) at the same positions.</summary>
public sealed record MergeReport
{
    /// <summary>The adapted tensors, in the order of the adapter.</summary>
    public required IReadOnlyList<MergedTensor> Tensors { get; init; }

    /// <summary>How many tokens were judged.</summary>
    public required int Tokens { get; init; }

    /// <summary>The loss of the base alone.</summary>
    public required double BaseNll { get; init; }

    /// <summary>The loss with the adapter attached.</summary>
    public required double AdapterNll { get; init; }

    /// <summary>The loss of the merged weights.</summary>
    public required double MergedNll { get; init; }

    /// <summary>The mean divergence of the merged weights from the attached adapter.</summary>
    public required double MeanKl { get; init; }

    /// <summary>The largest divergence at a position.</summary>
    public required double MaxKl { get; init; }

    /// <summary>
    /// The share of the gain that is kept, <c>(BaseNll - MergedNll) / (BaseNll - AdapterNll)</c>. Where the adapter lowers no loss there is no gain to keep, and this is the share of the change,
    /// <c>1 - KL(attached || merged) / KL(attached || base)</c>; see <see cref="HasGain"/>.
    /// </summary>
    public required double GainKept { get; init; }

    /// <summary>Whether the adapter lowers the loss of the judging text at all.</summary>
    public bool HasGain => AdapterNll < BaseNll;

    /// <summary>The share with every tensor in the base's own type: what the narrowest merge keeps.</summary>
    public required double NarrowGainKept { get; init; }

    /// <summary>
    /// The mean divergence of the merged weights from themselves in exact arithmetic where the inputs of quantized maps are rounded to 8 bits, as engines do that compute in integers; simulated on the calibration text, on the judging text where there is none.
    /// What an engine adds by its own order of sums is not in it.
    /// </summary>
    public required double EightBitKl { get; init; }

    /// <summary>The same before any tensor was stored wider on that account.</summary>
    public required double NarrowEightBitKl { get; init; }

    /// <summary>What the adapted tensors take in the base.</summary>
    public long OriginalBytes => Tensors.Sum(tensor => tensor.OriginalBytes);

    /// <summary>What they take merged.</summary>
    public long Bytes => Tensors.Sum(tensor => tensor.Bytes);
}
