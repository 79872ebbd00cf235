namespace Personalize.Core.Security;

/// <summary>What a sub-key of the profile key seals. Each purpose has its own key, so that one leaking or wearing out leaves the others whole. The numbers stand in sealed files.</summary>
public enum KeyPurpose
{
    /// <summary>The interactions and the consent ledger.</summary>
    Records = 0,

    /// <summary>The keyed hashes that find duplicates.</summary>
    RecordIndex = 1,

    /// <summary>Adapters and the registry's state.</summary>
    Adapters = 2,

    /// <summary>Checkpoints of training jobs.</summary>
    Checkpoints = 3,

    /// <summary>Saved conversations.</summary>
    Conversations = 4,

    /// <summary>The ledger of what training jobs revealed.</summary>
    PrivacyLedger = 5,

    /// <summary>The keyed hash of the set of rows, by which one that was taken away or put back is noticed.</summary>
    RecordSet = 6,

    /// <summary>The anchor beside the key, by which a store that was put back to an earlier state is noticed.</summary>
    Anchor = 7,

    /// <summary>The ring of epoch keys; the only thing that the profile key itself seals.</summary>
    KeyRing = 8,
}
