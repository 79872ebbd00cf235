using Personalize.Core.Errors;

namespace Personalize.Training.Privacy;

/// <summary>
/// What a training job does to the person's examples, as far as privacy goes: in each of so many steps every example takes part with the sampling rate's probability, by itself (Poisson sampling), its
/// contribution has at most norm C, and Gaussian noise of standard deviation <c>noiseMultiplier * C</c> is added to the sum. Immutable.
/// </summary>
/// <remarks>The guarantee is for one example more or less: on one person's device the unit of privacy is the example, never the person.</remarks>
public sealed record SubsampledGaussian
{
    internal const double MinimumNoise = 0.1;
    internal const double MaximumNoise = 1e6;
    internal const int MaximumSteps = 10_000_000;

    /// <summary>Checks the figures.</summary>
    /// <param name="samplingRate">The probability q with which an example takes part in a step, above 0 and at most 1.</param>
    /// <param name="noiseMultiplier">The noise's standard deviation sigma over the clipping norm, from 0.1 to 1e6.</param>
    /// <param name="steps">How many steps, from 1 to 10,000,000.</param>
    /// <exception cref="PrivacyParameterException">One of them is out of range or not a number.</exception>
    public SubsampledGaussian(double samplingRate, double noiseMultiplier, int steps)
    {
        PrivacyParameters.Require(samplingRate is > 0 and <= 1, "samplingRate", "must be above 0 and at most 1");
        PrivacyParameters.Require(noiseMultiplier is >= MinimumNoise and <= MaximumNoise, "noiseMultiplier", "must be from 0.1 to 1,000,000");
        PrivacyParameters.Require(steps is >= 1 and <= MaximumSteps, "steps", "must be from 1 to 10,000,000");
        SamplingRate = samplingRate;
        NoiseMultiplier = noiseMultiplier;
        Steps = steps;
    }

    /// <summary>The probability q with which an example takes part in a step.</summary>
    public double SamplingRate { get; }

    /// <summary>The noise's standard deviation sigma over the clipping norm.</summary>
    public double NoiseMultiplier { get; }

    /// <summary>How many steps.</summary>
    public int Steps { get; }

}
