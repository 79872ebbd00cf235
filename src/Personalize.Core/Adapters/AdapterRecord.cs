namespace Personalize.Core.Adapters;

/// <summary>What the registry says about an adapter.</summary>
public sealed record AdapterRecord
{
    /// <summary>The random id, 16 hexadecimal digits.</summary>
    public required string Id { get; init; }

    /// <summary>When it was added.</summary>
    public required DateTimeOffset Created { get; init; }

    /// <summary>What became of it.</summary>
    public required AdapterStatus Status { get; init; }

    /// <summary>Rank, alpha, scaling and targets.</summary>
    public required LoraConfiguration Configuration { get; init; }

    /// <summary>The fingerprint of the base it belongs to.</summary>
    public required string BaseFingerprint { get; init; }

    /// <summary>Where it comes from and what the gate measured.</summary>
    public required AdapterProvenance Provenance { get; init; }
}
