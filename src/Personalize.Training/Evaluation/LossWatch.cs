namespace Personalize.Training.Evaluation;

/// <summary>Tells a run that has diverged from one that is noisy, by its losses alone, so that a resumed run decides alike.</summary>
internal static class LossWatch
{
    /// <summary>How many steps' losses make a mean: enough for the noise of single steps to even out.</summary>
    public const int Window = 8;

    /// <summary>By how many nats a token above where it began a run must be: more than steps differ by, less than the distance from a trained model to chance (ten for a vocabulary of 49,152).</summary>
    public const double Margin = 2;

    /// <summary>Whether a step shows divergence: a loss or gradient that is no finite number, or the mean of the last steps more than <see cref="Margin"/> above that of the first ones and twice as high.</summary>
    /// <param name="losses">The losses of all steps so far, the newest last.</param>
    /// <param name="gradientNorm">The newest step's global gradient norm.</param>
    public static bool HasDiverged(IReadOnlyList<double> losses, double gradientNorm)
    {
        if (losses.Count == 0 || !double.IsFinite(losses[^1]) || !double.IsFinite(gradientNorm))
        {
            return losses.Count > 0;
        }

        if (losses.Count < 2 * Window)
        {
            return false;
        }

        var first = losses.Take(Window).Average();
        var last = losses.Skip(losses.Count - Window).Average();
        return last > Math.Max(first + Margin, 2 * first);
    }
}
