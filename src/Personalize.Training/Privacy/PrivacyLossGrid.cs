namespace Personalize.Training.Privacy;

/// <summary>A privacy loss distribution on the multiples of an interval: <c>P(loss = (First + i) * interval) = Masses[i]</c>.</summary>
/// <param name="First">The index of the first grid point.</param>
/// <param name="Masses">The probabilities, which with <paramref name="Infinity"/> add up to 1.</param>
/// <param name="Infinity">The probability of an infinite loss.</param>
internal sealed record PrivacyLossGrid(long First, double[] Masses, double Infinity)
{
    public long Last => First + Masses.Length - 1;

    /// <summary><c>log E[exp(order * loss)]</c> over the finite losses.</summary>
    public double LogMoment(double order, double interval)
    {
        var largest = Math.Max(order * First, order * Last) * interval;
        var sum = 0d;
        var (factor, weight) = (Math.Exp(order * interval), 0d);
        for (var i = 0; i < Masses.Length; i++)
        {
            // A product of few factors in place of an exponential each, begun anew before its error could grow.
            weight = i % 64 == 0 ? Math.Exp((order * (First + i) * interval) - largest) : weight * factor;
            sum += Masses[i] * weight;
        }

        return Math.Log(sum) + largest;
    }
}
