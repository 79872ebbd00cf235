namespace Personalize.Core.Adapters;

/// <summary>Where an adapter comes from and what the gate measured. What is not known, as for an imported adapter, is null or 0.</summary>
public sealed record AdapterProvenance
{
    /// <summary>Mean loss of the base on the person's later interactions, in nats a token.</summary>
    public double? TestNllBase { get; init; }

    /// <summary>Mean loss with the adapter on the same.</summary>
    public double? TestNllAdapter { get; init; }

    /// <summary>Mean loss with the adapter that was promoted at the time.</summary>
    public double? TestNllIncumbent { get; init; }

    /// <summary>The interactions it was trained on.</summary>
    public AdapterTrainingRange? TrainedOn { get; init; }

    /// <summary>How many optimizer steps were taken.</summary>
    public int Steps { get; init; }

    /// <summary>How many tokens were trained on.</summary>
    public long TrainTokens { get; init; }

    /// <summary>The name of the recipe, such as <c>peft</c>, or <c>imported</c>.</summary>
    public string Recipe { get; init; } = "";
}
