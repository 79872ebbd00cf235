using MathNet.Numerics;

namespace Personalize.Training.Privacy;

/// <summary>The privacy loss of one step of the subsampled Gaussian on a grid, for an example that is taken away (P = the mixture <c>(1 - q) N(0, s^2) + q N(1, s^2)</c>, Q = <c>N(0, s^2)</c>) or added (P and Q exchanged).</summary>
/// <remarks>
/// Between two grid points lies an interval of outputs with masses p and q under P and Q. Pessimistic: p is divided between the two points so that q stays what it is ("connect the dots", Doroshenko,
/// Ghazi, Kamath, Kumar, Manurangsi 2022, arXiv 2207.04380), which dominates the true distribution and is exact at the grid points. Optimistic: p goes to the lower point.
/// </remarks>
internal static class GaussianLossGrid
{
    /// <summary>Beyond so many standard deviations lies less than 1e-20: an infinite loss where it is pessimistic.</summary>
    private const double TailDeviations = 9.5;

    public static PrivacyLossGrid Create(double q, double sigma, bool removed, double interval, PrivacyEstimate estimate)
    {
        var (bottom, top) = (Loss(-TailDeviations * sigma, q, sigma), Loss(1 + (TailDeviations * sigma), q, sigma));
        var (low, high) = removed ? (bottom, top) : (-top, -bottom);
        int first = (int)Math.Floor(low / interval), last = (int)Math.Ceiling(high / interval);
        var masses = new double[last - first + 1];
        var share = -SpecialFunctions.Expm1(-interval);
        var from = default(Tails);
        var rest = 1d;
        for (var i = first; i <= last; i++)
        {
            var to = Tails.At(Output(removed ? i * interval : -i * interval, q, sigma), sigma);
            var (shifted, centered) = i == first ? (0, 0) : removed ? (Tails.Between(from.Shifted, to.Shifted), Tails.Between(from.Centered, to.Centered)) : (Tails.Between(to.Shifted, from.Shifted), Tails.Between(to.Centered, from.Centered));
            var mixture = ((1 - q) * centered) + (q * shifted);
            var (p, other) = removed ? (mixture, centered) : (centered, mixture);
            if (i > first)
            {
                var upper = estimate == PrivacyEstimate.Optimistic ? 0 : Math.Clamp((p - (other * Math.Exp((i - 1) * interval))) / share, 0, p);
                masses[i - first] += upper;
                masses[i - 1 - first] += p - upper;
                rest -= p;
            }

            from = to;
        }

        return Finish(first, masses, from, q, removed, estimate, rest);
    }

    /// <summary>What lies outside the grid: below it, a little mass that is rounded up to its first point; above it, an infinite loss.</summary>
    private static PrivacyLossGrid Finish(int first, double[] masses, Tails end, double q, bool removed, PrivacyEstimate estimate, double rest)
    {
        var above = removed ? ((1 - q) * end.Centered.Above) + (q * end.Shifted.Above) : end.Centered.Below;
        masses[0] += Math.Max(0, rest - above);
        if (estimate == PrivacyEstimate.Pessimistic)
        {
            return new PrivacyLossGrid(first, masses, above);
        }

        masses[^1] += above;
        return new PrivacyLossGrid(first, masses, 0);
    }

    /// <summary>The logarithm of the mixture's density over the centered one's at x.</summary>
    private static double Loss(double x, double q, double sigma)
    {
        var exponent = ((2 * x) - 1) / (2 * sigma * sigma);
        return q >= 1 ? exponent : exponent > 0 ? exponent + Math.Log(q + ((1 - q) * Math.Exp(-exponent))) : SpecialFunctions.Log1p(q * SpecialFunctions.Expm1(exponent));
    }

    /// <summary>Where the loss of an example taken away is <paramref name="loss"/>; minus infinity where it is more than that everywhere.</summary>
    private static double Output(double loss, double q, double sigma)
    {
        const double Large = 30;
        var odds = loss > Large ? double.PositiveInfinity : (SpecialFunctions.Expm1(loss) + q) / q;
        var exponent = loss > Large ? loss - Math.Log(q) + SpecialFunctions.Log1p((q - 1) * Math.Exp(-loss)) : odds > 0 ? Math.Log(odds) : double.NegativeInfinity;
        return (sigma * sigma * exponent) + 0.5;
    }

    /// <summary>The probabilities below and above a point, each computed by itself so that neither loses its digits.</summary>
    private readonly record struct Tail(double Below, double Above);

    private readonly record struct Tails(Tail Centered, Tail Shifted)
    {
        public static Tails At(double x, double sigma) => new(Of(x / (sigma * Math.Sqrt(2))), Of((x - 1) / (sigma * Math.Sqrt(2))));

        public static double Between(Tail low, Tail high) => Math.Max(0, low.Above < 0.5 ? low.Above - high.Above : high.Below - low.Below);

        private static Tail Of(double z) => new(SpecialFunctions.Erfc(-z) / 2, SpecialFunctions.Erfc(z) / 2);
    }
}
