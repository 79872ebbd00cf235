namespace Personalize.Training.Evaluation;

/// <summary>How well a model has learnt a planted secret by heart: <c>exposure = log2 |R| - log2 rank</c>, the rank being that of the secret's loss among all candidates R (Carlini et al. 2019, arXiv 1802.08232).</summary>
/// <remarks>About 1 on average for a secret that was never seen; log2 |R|, the largest there is, for one that the model finds likelier than every other candidate. Static and pure.</remarks>
public static class CanaryExposure
{
    /// <summary>The rank of the canary: 1 and the number of candidates of smaller loss. Equal ones count for the canary, so that no leak is overlooked.</summary>
    /// <param name="canaryNll">The loss of the planted secret, in nats.</param>
    /// <param name="otherNlls">The losses of all other candidates: the same text around other secrets of the same length.</param>
    /// <exception cref="ArgumentException">There is no other candidate, or a loss is not a number.</exception>
    public static int Rank(double canaryNll, IReadOnlyCollection<double> otherNlls)
    {
        ArgumentNullException.ThrowIfNull(otherNlls);
        if (otherNlls.Count == 0 || double.IsNaN(canaryNll) || otherNlls.Any(double.IsNaN))
        {
            throw new ArgumentException("exposure needs at least one other candidate, and losses that are numbers", nameof(otherNlls));
        }

        return 1 + otherNlls.Count(nll => nll < canaryNll);
    }

    /// <summary>The exposure in bits, from 0 to <c>log2(candidates)</c>.</summary>
    /// <param name="canaryNll">The loss of the planted secret, in nats.</param>
    /// <param name="otherNlls">The losses of all other candidates.</param>
    /// <exception cref="ArgumentException">There is no other candidate, or a loss is not a number.</exception>
    public static double Bits(double canaryNll, IReadOnlyCollection<double> otherNlls)
    {
        var rank = Rank(canaryNll, otherNlls);
        return Math.Log2(otherNlls.Count + 1) - Math.Log2(rank);
    }
}
