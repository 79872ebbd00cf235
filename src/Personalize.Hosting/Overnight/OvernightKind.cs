namespace Personalize.Hosting.Overnight;

/// <summary>What a look of the overnight agent came to. The numbers are stable.</summary>
public enum OvernightKind
{
    /// <summary>Nothing was begun; the reason says what is missing.</summary>
    NotNow = 0,

    /// <summary>Work was interrupted and its state kept: it goes on later.</summary>
    Interrupted = 1,

    /// <summary>An adapter was trained and is in use.</summary>
    Promoted = 2,

    /// <summary>An adapter was trained and the gate refused it.</summary>
    Rejected = 3,

    /// <summary>The adapter in use had become worse than the base and was taken back.</summary>
    RolledBack = 4,

    /// <summary>It failed; the reason says how.</summary>
    Failed = 5,
}
