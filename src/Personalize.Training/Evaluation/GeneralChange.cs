namespace Personalize.Training.Evaluation;

/// <summary>What an adapter did to the model's ability in general, in things that have nothing to do with the person (<see cref="GeneralAbility"/>).</summary>
/// <param name="BaseScore">The base's score, from 0 to 1.</param>
/// <param name="AdapterScore">The adapter's.</param>
/// <param name="LeastFall">By how large a part of the base's score it fell at least, the luck of the questions allowed for: the lower end of the 95 % interval of <see cref="Fall"/>.</param>
public sealed record GeneralChange(double BaseScore, double AdapterScore, double LeastFall)
{
    /// <summary>By how large a part of the base's score it fell; negative where it rose.</summary>
    public double Fall => BaseScore > 0 ? (BaseScore - AdapterScore) / BaseScore : 0;
}
