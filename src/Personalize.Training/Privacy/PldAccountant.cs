using System.Numerics;
using MathNet.Numerics.IntegralTransforms;
using Personalize.Core.Errors;

namespace Personalize.Training.Privacy;

/// <summary>What jobs reveal together, by the distribution of their privacy loss: tighter than <see cref="RdpAccountant"/>, and as much a guarantee (Koskela, Jälkö, Honkela 2020, arXiv 1906.03049).</summary>
/// <remarks>
/// The loss of a step is put on a grid (<see cref="GaussianLossGrid"/>); losses add up over steps and jobs, so their distributions are convolved, by Fourier transform. Outside of the window that the
/// transform spans lies at most <see cref="TailMass"/>, by Chernoff's bound, which counts as an infinite loss. The epsilon of an example taken away and that of one added are both computed; the larger holds.
/// Static and pure; safe to call from any thread; up to 100 MB of working memory while it runs.
/// </remarks>
public static class PldAccountant
{
    /// <summary>The distance of the grid points unless the losses span too much for it.</summary>
    public const double DefaultInterval = 1e-4;

    private const double TailMass = 1e-15;
    private const double MaximumInterval = 0.1;
    private const int MaximumPoints = 1 << 20;

    private static readonly double[] ChernoffOrders = [0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1, 1.5, 2.5, 4, 6, 9, 14, 22, 35, 60];

    /// <summary>The epsilon that holds for all jobs together.</summary>
    /// <param name="jobs">The jobs; none of them reveals nothing.</param>
    /// <param name="delta">With which probability more may be revealed; above 1e-12.</param>
    /// <param name="estimate">The guarantee, or a bound from below.</param>
    /// <param name="interval">The distance of the grid points, from 1e-6 to 0.1; doubled until what is needed fits a million of them.</param>
    /// <returns>Epsilon, at least 0; infinite above 500, or if none can be given at this delta.</returns>
    /// <exception cref="PrivacyParameterException">Delta or the interval is out of range.</exception>
    public static double Epsilon(IReadOnlyCollection<SubsampledGaussian> jobs, double delta, PrivacyEstimate estimate = PrivacyEstimate.Pessimistic, double interval = DefaultInterval)
    {
        ArgumentNullException.ThrowIfNull(jobs);
        PrivacyParameters.RequireDelta(delta);
        PrivacyParameters.Require(interval is >= 1e-6 and <= MaximumInterval, "interval", "must be from 0.000001 to 0.1");
        if (jobs.Count == 0)
        {
            return 0;
        }

        // Equal steps of different jobs are one distribution with a larger count.
        var steps = jobs.GroupBy(job => (job.SamplingRate, job.NoiseMultiplier)).Select(group => (group.Key, Count: group.Sum(job => (long)job.Steps))).ToArray();
        return Math.Max(Epsilon(removed: true), Epsilon(removed: false));

        double Epsilon(bool removed)
        {
            for (var width = interval; width <= MaximumInterval; width *= 2)
            {
                if (steps.All(step => Spans(step.Key, width)) && TryCompose([.. steps.Select(step => (GaussianLossGrid.Create(step.Key.SamplingRate, step.Key.NoiseMultiplier, removed, width, estimate), step.Count))], width) is { } total)
                {
                    return Solve(total, width, estimate == PrivacyEstimate.Pessimistic ? TailMass : 0, delta);
                }
            }

            // Losses that spread this far come to an epsilon beyond any that is a guarantee.
            return double.PositiveInfinity;
        }
    }

    /// <summary>Whether the losses of one step, at most those without subsampling, fit the grid.</summary>
    private static bool Spans((double SamplingRate, double NoiseMultiplier) step, double interval) =>
        ((1 / (2 * step.NoiseMultiplier * step.NoiseMultiplier)) + (10 / step.NoiseMultiplier)) / interval < MaximumPoints / 2d;

    private static PrivacyLossGrid? TryCompose((PrivacyLossGrid Grid, long Count)[] steps, double interval)
    {
        var low = -Bound(steps, -1, interval);
        var high = Bound(steps, 1, interval);
        var span = (high - low) / interval;
        if (!(span < MaximumPoints - 2))
        {
            return null;
        }

        var length = (int)BitOperations.RoundUpToPowerOf2((uint)span + 2);
        var product = new Complex[length];
        var transform = new Complex[length];
        Array.Fill(product, Complex.One);
        var finite = 1d;
        foreach (var (grid, count) in steps)
        {
            Array.Clear(transform);
            for (var i = 0; i < grid.Masses.Length; i++)
            {
                // The transform is periodic, so each index stands for one sum in the window, whatever the shift.
                transform[Wrap(grid.First + i, length)] += grid.Masses[i];
            }

            Fourier.Forward(transform, FourierOptions.AsymmetricScaling);
            for (var i = 0; i < length; i++)
            {
                product[i] *= Power(transform[i], count);
            }

            finite *= Math.Pow(1 - grid.Infinity, count);
        }

        Fourier.Inverse(product, FourierOptions.AsymmetricScaling);
        var first = (long)Math.Floor(low / interval);
        var masses = new double[length];
        for (var i = 0; i < length; i++)
        {
            masses[i] = Math.Max(0, product[Wrap(first + i, length)].Real);
        }

        return new PrivacyLossGrid(first, masses, 1 - finite);
    }

    /// <summary>Above which the sum of all losses (for <paramref name="sign"/> -1: of their negatives) lies with at most half of <see cref="TailMass"/>: the least over orders t of <c>(log E[exp(t sum)] + log(2 / tail)) / t</c>.</summary>
    private static double Bound((PrivacyLossGrid Grid, long Count)[] steps, int sign, double interval) =>
        ChernoffOrders.Min(order => (steps.Sum(step => step.Count * step.Grid.LogMoment(sign * order, interval)) + Math.Log(2 / TailMass)) / order);

    /// <summary>The least epsilon, at least 0, with <c>E[max(0, 1 - exp(epsilon - loss))] + P(infinite) &lt;= delta</c>.</summary>
    private static double Solve(PrivacyLossGrid total, double interval, double tail, double delta)
    {
        var infinity = total.Infinity + tail;

        // Above a grid point at loss l, with A and B the sums of p and p exp(-loss) over the points beyond: delta(epsilon) = A - exp(epsilon) B + infinity, down to l.
        double mass = 0, discounted = 0;
        for (var i = total.Masses.Length - 1; i >= 0; i--)
        {
            var loss = Math.Max(0, (total.First + i) * interval);
            if (loss > PrivacyParameters.MaximumEpsilon)
            {
                // Its exponential would leave the numbers: it counts as infinite.
                infinity += total.Masses[i];
                continue;
            }

            if (infinity > delta)
            {
                return double.PositiveInfinity;
            }

            if (mass - (Math.Exp(loss) * discounted) + infinity > delta)
            {
                return Math.Log((mass + infinity - delta) / discounted);
            }

            if (loss == 0)
            {
                return 0;
            }

            mass += total.Masses[i];
            discounted += total.Masses[i] * Math.Exp(-loss);
        }

        return infinity > delta ? double.PositiveInfinity : 0;
    }

    private static int Wrap(long index, int length) => (int)(((index % length) + length) % length);

    private static Complex Power(Complex value, long exponent)
    {
        // By squaring: the magnitude is at most 1, and no logarithm has to choose a branch.
        var power = Complex.One;
        for (; exponent > 0; exponent >>= 1)
        {
            if ((exponent & 1) != 0)
            {
                power *= value;
            }

            value *= value;
        }

        return power;
    }
}
