namespace Personalize.Training.Evaluation;

/// <summary>How much of what an adapter learns may come from one source other than the person. A backdoor takes some 4 % of the examples, 15 to 25 of them (arXiv 2605.30189). Immutable.</summary>
public sealed class SourceLimits
{
    /// <summary>The largest part of the examples that may come from one source, above 0 and at most 1.</summary>
    public double MaximumShare { get; init; } = 0.5;

    /// <summary>Within this time a source is heard so often at most; must be above zero.</summary>
    public TimeSpan FloodWindow { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How many interactions of a source are used out of any <see cref="FloodWindow"/>, at least 1.</summary>
    public int MaximumPerWindow { get; init; } = 50;

    /// <summary>Sources that are the person's own hand, for which no limit holds.</summary>
    public IReadOnlyCollection<string> Trusted { get; init; } = ["cli"];

    internal bool IsValid => MaximumShare is > 0 and <= 1 && FloodWindow > TimeSpan.Zero && MaximumPerWindow >= 1 && Trusted is not null;
}
