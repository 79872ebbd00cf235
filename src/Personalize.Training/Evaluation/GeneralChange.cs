namespace Personalize.Training.Evaluation;

/// <summary>What an adapter did to the model's ability in general, in things that have nothing to do with the person (<see cref="GeneralAbility"/>).</summary>
/// <param name="BaseScore">The base's score, from 0 to 1.</param>
/// <param name="AdapterScore">The adapter's.</param>
/// <param name="IsCertain">Whether the score fell by more than the luck of the questions explains.</param>
public sealed record GeneralChange(double BaseScore, double AdapterScore, bool IsCertain)
{
    /// <summary>By how large a part of the base's score it fell; negative where it rose.</summary>
    public double Fall => BaseScore > 0 ? (BaseScore - AdapterScore) / BaseScore : 0;
}
