using Personalize.Core.Errors;

namespace Personalize.Training.Privacy;

/// <summary>
/// Train with a guarantee (DP-SGD, Abadi et al. 2016, arXiv 1607.00133): whatever is read off the adapter is at most <c>exp(epsilon)</c> times likelier with one example than without it, but for a
/// probability of delta. Part of a recipe. Immutable.
/// </summary>
/// <remarks>
/// Each step takes every example with probability <c>examplesPerStep / examples</c>, clips the gradient of its mean loss to a norm, and adds Gaussian noise just large enough for the whole job
/// (<see cref="NoiseCalibration"/>); the clipping of a recipe's whole gradient does not apply. Covered are the adapter's weights, not the losses reported while it trained, and not how many examples there were.
/// The sampling and the noise come from the system's cryptographic generator: two such jobs give two adapters.
/// </remarks>
public sealed class DifferentialPrivacy
{
    /// <summary>What one job may reveal of an example, in nats: above 0, at most 500; below 1 is strong, above 10 little.</summary>
    public required double Epsilon { get; init; }

    /// <summary>With which probability it may be more: above 0 and below 1, and sensibly far below one over the number of examples.</summary>
    public double Delta { get; init; } = PrivacyBudget.DefaultDelta;

    /// <summary>The norm to which the gradient of one example is clipped, above 0.</summary>
    public double MaximumExampleNorm { get; init; } = 1;

    /// <summary>Checks every setting.</summary>
    /// <exception cref="RecipeException">A setting is out of range or not a number.</exception>
    public void Validate()
    {
        Require(PrivacyParameters.IsEpsilon(Epsilon), PrivacyParameters.EpsilonName, PrivacyParameters.EpsilonRequirement);
        Require(PrivacyParameters.IsDelta(Delta), PrivacyParameters.DeltaName, PrivacyParameters.DeltaRequirement);
        Require(MaximumExampleNorm is > 0 and <= float.MaxValue, DifferentialPrivacyJson.MaximumExampleNormName, "must be above 0");
    }

    /// <summary>What a job over so many examples does, with the noise it needs.</summary>
    internal SubsampledGaussian Plan(int examples, int examplesPerStep, int epochs)
    {
        var samplingRate = Math.Min(1, (double)examplesPerStep / examples);
        var steps = checked((examples + examplesPerStep - 1) / examplesPerStep * epochs);
        return new SubsampledGaussian(samplingRate, NoiseCalibration.NoiseMultiplier(Epsilon, Delta, samplingRate, steps), steps);
    }

    private static void Require(bool holds, string setting, string requirement)
    {
        if (!holds)
        {
            throw new RecipeException($"{DifferentialPrivacyJson.Name}.{setting}", requirement);
        }
    }
}
