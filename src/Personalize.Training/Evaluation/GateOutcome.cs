namespace Personalize.Training.Evaluation;

/// <summary>Why the gate opened or stayed shut. The numbers are stable.</summary>
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

    /// <summary>The adapter is better than the base by no more than the luck of the examples may explain.</summary>
    WithinChanceOfBase,

    /// <summary>The adapter is better than the adapter in use by no more than the luck of the examples may explain.</summary>
    WithinChanceOfIncumbent,

    /// <summary>The adapter forgot too much of what the base can do in general.</summary>
    GeneralAbilityLost,

    /// <summary>The adapter learnt a planted secret by heart.</summary>
    SecretLearnt,
}
