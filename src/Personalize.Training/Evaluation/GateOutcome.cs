namespace Personalize.Training.Evaluation;

/// <summary>Why the gate opened or stayed shut.</summary>
public enum GateOutcome
{
    /// <summary>The adapter predicts the later interactions better than the base and the incumbent.</summary>
    Promoted,

    /// <summary>There was no token to judge by.</summary>
    NothingToJudge,

    /// <summary>A loss is not a number.</summary>
    NotFinite,

    /// <summary>The adapter is no better than the base.</summary>
    NotBelowBase,

    /// <summary>The adapter is no better than the adapter in use.</summary>
    NotBelowIncumbent,
}
