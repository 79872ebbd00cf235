using Personalize.Core.Errors;

namespace Personalize.Training.Privacy;

/// <summary>What all jobs of a profile together may reveal of one example. Immutable.</summary>
public sealed record PrivacyBudget
{
    /// <summary>The delta where none is chosen.</summary>
    public const double DefaultDelta = 1e-5;

    /// <summary>Checks the figures.</summary>
    /// <param name="epsilon">In nats, above 0 and at most 500.</param>
    /// <param name="delta">Above 0 and below 1.</param>
    /// <exception cref="PrivacyParameterException">One of them is out of range or not a number.</exception>
    public PrivacyBudget(double epsilon, double delta = DefaultDelta)
    {
        PrivacyParameters.RequireEpsilon(epsilon);
        PrivacyParameters.RequireDelta(delta);
        Epsilon = epsilon;
        Delta = delta;
    }

    /// <summary>The budget of a profile for which none was set.</summary>
    public static PrivacyBudget Default { get; } = new(10);

    /// <summary>In nats.</summary>
    public double Epsilon { get; }

    /// <summary>With which probability it may be more.</summary>
    public double Delta { get; }
}
