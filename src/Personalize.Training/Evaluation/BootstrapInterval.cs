namespace Personalize.Training.Evaluation;

/// <summary>By how much one result's mean loss differs from another's, and how sure that is. Negative is better.</summary>
/// <param name="Difference">The difference of the means, in nats a token.</param>
/// <param name="Low">The lower end of the 95 % interval.</param>
/// <param name="High">The upper end of the 95 % interval.</param>
public sealed record BootstrapInterval(double Difference, double Low, double High)
{
    /// <summary>Whether the whole interval lies below 0: better, and not by the luck of the examples.</summary>
    public bool IsBetter => High < 0;
}
