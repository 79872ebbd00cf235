namespace Personalize.Core.Adapters;

/// <summary>What became of an adapter. The numbers are stable.</summary>
public enum AdapterStatus
{
    /// <summary>Kept, and never promoted.</summary>
    Candidate = 0,

    /// <summary>The one that is in use.</summary>
    Promoted = 1,

    /// <summary>The gate refused it; kept with its figures.</summary>
    Rejected = 2,

    /// <summary>Was promoted once, and another one, or the base, took its place.</summary>
    Retired = 3,
}
