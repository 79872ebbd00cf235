using MathNet.Numerics;
using Personalize.Core.Errors;

namespace Personalize.Training.Privacy;

/// <summary>What jobs reveal together, by Rényi divergences: fast, and a little pessimistic (Mironov 2017, arXiv 1702.07476; Mironov, Talwar, Zhang 2019, arXiv 1908.10530).</summary>
/// <remarks>
/// Divergences of one order add up over steps and jobs. Of a whole order they are exact; of a broken one the terms of the series (section 3.3 of 1908.10530), whose signs alternate, are added by
/// their magnitudes: an upper bound without cancellation, as Google's accountant forms it. Static and pure; safe to call from any thread.
/// </remarks>
public static class RdpAccountant
{
    /// <summary>exp(-36) is below what a sum of doubles can still hold.</summary>
    private const double NegligibleLog = 36;

    private const int MaximumTerms = 100_000;

    /// <summary>From 1.1 to 10.9 by tenths, then from 12 to 63.</summary>
    public static IReadOnlyList<double> DefaultOrders { get; } = [.. Enumerable.Range(1, 99).Select(i => 1 + (i / 10d)), .. Enumerable.Range(12, 52).Select(i => (double)i)];

    /// <summary>The smallest epsilon over the orders that holds for all jobs together.</summary>
    /// <param name="jobs">The jobs; none of them reveals nothing.</param>
    /// <param name="delta">With which probability more may be revealed.</param>
    /// <returns>Epsilon, at least 0; infinite if no order gives a bound.</returns>
    /// <exception cref="PrivacyParameterException">Delta is out of range.</exception>
    public static double Epsilon(IReadOnlyCollection<SubsampledGaussian> jobs, double delta)
    {
        ArgumentNullException.ThrowIfNull(jobs);
        PrivacyParameters.RequireDelta(delta);
        return DefaultOrders.Min(order => Convert(order, jobs.Sum(job => job.Steps * Divergence(job.SamplingRate, job.NoiseMultiplier, order)), delta));
    }

    /// <summary>The Rényi divergence that one step costs.</summary>
    /// <param name="job">The job.</param>
    /// <param name="order">The order alpha, above 1.</param>
    /// <returns>The divergence in nats.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The order is not above 1.</exception>
    public static double StepDivergence(SubsampledGaussian job, double order)
    {
        ArgumentNullException.ThrowIfNull(job);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(order, 1);
        return Divergence(job.SamplingRate, job.NoiseMultiplier, order);
    }

    /// <summary>The conversion of Canonne, Kamath, Steinke (arXiv 2004.00010, proposition 12): <c>rdp - (ln delta + ln alpha) / (alpha - 1) + ln((alpha - 1) / alpha)</c>.</summary>
    private static double Convert(double order, double divergence, double delta)
    {
        // By Bretagnolle and Huber the distance in total variation is at most sqrt(1 - exp(-divergence)): where that is below delta, epsilon is 0.
        if ((delta * delta) + SpecialFunctions.Expm1(-divergence) > 0)
        {
            return 0;
        }

        return Math.Max(0, divergence + Math.Log(1 - (1 / order)) - (Math.Log(delta * order) / (order - 1)));
    }

    private static double Divergence(double q, double sigma, double order)
    {
        if (q >= 1)
        {
            return order / (2 * sigma * sigma);
        }

        var logMoment = order == Math.Floor(order) ? WholeOrder(q, sigma, (int)order) : BrokenOrder(q, sigma, order);
        return Math.Max(0, logMoment) / (order - 1);
    }

    /// <summary><c>log of sum over i of binomial(alpha, i) q^i (1 - q)^(alpha - i) exp((i^2 - i) / (2 sigma^2))</c>.</summary>
    private static double WholeOrder(double q, double sigma, int order)
    {
        double logBinomial = 0, sum = double.NegativeInfinity;
        for (var i = 0; i <= order; i++)
        {
            sum = LogAdd(sum, logBinomial + (i * Math.Log(q)) + ((order - i) * Log1P(-q)) + ((((double)i * i) - i) / (2 * sigma * sigma)));
            logBinomial += Math.Log((order - i) / (i + 1d));
        }

        return sum;
    }

    private static double BrokenOrder(double q, double sigma, double order)
    {
        var (logQ, logRest, variance, width) = (Math.Log(q), Log1P(-q), sigma * sigma, Math.Sqrt(2) * sigma);
        var middle = (variance * Math.Log((1 / q) - 1)) + 0.5;
        double logBinomial = 0, sum = double.NegativeInfinity, last = double.PositiveInfinity;
        for (var i = 0; i < MaximumTerms; i++)
        {
            var j = order - i;
            var below = logBinomial + (i * logQ) + (j * logRest) + ((((double)i * i) - i) / (2 * variance)) + LogHalfErfc((i - middle) / width);
            var above = logBinomial + (j * logQ) + (i * logRest) + (((j * j) - j) / (2 * variance)) + LogHalfErfc((middle - j) / width);
            var term = LogAdd(below, above);
            sum = LogAdd(sum, term);
            if (i > order && term < last && term < sum - NegligibleLog)
            {
                return sum;
            }

            last = term;
            logBinomial += Math.Log(Math.Abs(j) / (i + 1d));
        }

        // A series that has not come to its end bounds nothing.
        return double.PositiveInfinity;
    }

    private static double LogHalfErfc(double x)
    {
        const double AsymptoticFrom = 20;
        if (x < AsymptoticFrom)
        {
            return Math.Log(SpecialFunctions.Erfc(x) / 2);
        }

        var s = 1 / (x * x);
        return -(x * x) - Math.Log(2 * x * Math.Sqrt(Math.PI)) + Log1P(s * (-0.5 + (s * (0.75 - (s * 1.875)))));
    }

    private static double LogAdd(double a, double b)
    {
        var (low, high) = a < b ? (a, b) : (b, a);
        return double.IsNegativeInfinity(low) ? high : high + Log1P(Math.Exp(low - high));
    }

    private static double Log1P(double x) => SpecialFunctions.Log1p(x);
}
