namespace Personalize.Core.Security;

/// <summary>What a sub-key of the profile key seals. Each purpose has its own key, so that one leaking or wearing out leaves the others whole.</summary>
public enum KeyPurpose
{
    /// <summary>The interactions and the consent ledger.</summary>
    Records,

    /// <summary>The keyed hashes that find duplicates.</summary>
    RecordIndex,

    /// <summary>Adapters and the registry's state.</summary>
    Adapters,

    /// <summary>Checkpoints of training jobs.</summary>
    Checkpoints,

    /// <summary>Saved conversations.</summary>
    Conversations,

    /// <summary>The ledger of what training jobs revealed.</summary>
    PrivacyLedger,
}
