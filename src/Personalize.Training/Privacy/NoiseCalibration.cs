using Personalize.Core.Errors;

namespace Personalize.Training.Privacy;

/// <summary>Finds how much noise a guarantee needs. Static and pure; safe to call from any thread.</summary>
public static class NoiseCalibration
{
    private const double RelativeTolerance = 1e-3;

    /// <summary>Coarser than the accountant's own: each of a dozen trials then takes a fraction of a second, and what is pessimistic stays so.</summary>
    private const double Interval = 4e-4;

    /// <summary>The least noise, to a thousandth, with which steps of a sampling rate stay within epsilon by <see cref="PldAccountant"/>.</summary>
    /// <param name="epsilon">What may be revealed, in nats.</param>
    /// <param name="delta">With which probability it may be more.</param>
    /// <param name="samplingRate">The probability with which an example takes part in a step.</param>
    /// <param name="steps">How many steps.</param>
    /// <returns>The noise multiplier.</returns>
    /// <exception cref="PrivacyParameterException">A figure is out of range, or no noise this library knows is enough.</exception>
    public static double NoiseMultiplier(double epsilon, double delta, double samplingRate, int steps)
    {
        PrivacyParameters.RequireEpsilon(epsilon);
        PrivacyParameters.RequireDelta(delta);
        var enough = Search(SubsampledGaussian.MinimumNoise, SubsampledGaussian.MaximumNoise, noise => RdpAccountant.Epsilon([new SubsampledGaussian(samplingRate, noise, steps)], delta) <= epsilon);

        // The tighter accountant needs less than the fast one; how much less is found out within a small range.
        return Search(Math.Max(SubsampledGaussian.MinimumNoise, enough / 2), enough, noise => PldAccountant.Epsilon([new SubsampledGaussian(samplingRate, noise, steps)], delta, PrivacyEstimate.Pessimistic, Interval) <= epsilon);

        double Search(double low, double high, Func<double, bool> isEnough)
        {
            PrivacyParameters.Require(isEnough(high), PrivacyParameters.EpsilonName, "cannot be reached with any noise for so many steps: allow more, or take fewer steps");
            while (high > low * (1 + RelativeTolerance))
            {
                var middle = Math.Sqrt(low * high);
                (low, high) = isEnough(middle) ? (low, middle) : (middle, high);
            }

            return high;
        }
    }
}
