namespace Personalize.Core.Adapters;

/// <summary>A trained adapter as data: what crosses from training to inference. Immutable by convention; safe to share between threads.</summary>
public sealed class LoraAdapter
{
    /// <summary>Creates an adapter from its pairs.</summary>
    /// <param name="configuration">Rank, alpha, scaling and targets.</param>
    /// <param name="baseFingerprint">The fingerprint of the base model it belongs to.</param>
    /// <param name="pairs">One pair a layer and target, ordered by layer, then module.</param>
    public LoraAdapter(LoraConfiguration configuration, string baseFingerprint, IReadOnlyList<LoraPair> pairs)
    {
        Configuration = configuration;
        BaseFingerprint = baseFingerprint;
        Pairs = pairs;
    }

    /// <summary>Rank, alpha, scaling and targets.</summary>
    public LoraConfiguration Configuration { get; }

    /// <summary>The fingerprint of the base model it belongs to.</summary>
    public string BaseFingerprint { get; }

    /// <summary>One pair a layer and target, ordered by layer, then module.</summary>
    public IReadOnlyList<LoraPair> Pairs { get; }
}
