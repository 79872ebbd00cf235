namespace Personalize.Core.Errors;

/// <summary>Why a saved conversation cannot be gone on with. The numbers are stable.</summary>
public enum ConversationRestoreError
{
    /// <summary>It was computed with another model.</summary>
    OtherModel = 1,

    /// <summary>It was computed with another adapter, or with one and now without, or the reverse.</summary>
    OtherAdapter = 2,

    /// <summary>Its arithmetic, the format of its keys and values, its sinks and window, or its length are not those of the conversation that it is to be restored to.</summary>
    OtherLayout = 3,

    /// <summary>The file ends too early, or goes on after its end.</summary>
    Truncated = 4,

    /// <summary>The file was changed, moved, or sealed under another key.</summary>
    NotAuthentic = 5,

    /// <summary>The file does not hold what it should.</summary>
    Malformed = 6,

    /// <summary>The file was written by a newer version of this software.</summary>
    NewerVersion = 7,
}
