namespace Personalize.Core.Errors;

/// <summary>Why the registry of adapters refused. The numbers are stable.</summary>
public enum AdapterRegistryError
{
    /// <summary>No adapter has this id.</summary>
    NotFound = 1,

    /// <summary>More than one adapter's id begins like this.</summary>
    Ambiguous = 2,

    /// <summary>The adapter is promoted, so it cannot be removed.</summary>
    Promoted = 3,
}
