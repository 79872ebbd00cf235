using Personalize.Training.Steps;

namespace Personalize.Training.Checkpoints;

/// <summary>Where a run stands, apart from parameters and moments. Everything random in a run is a function of the recipe's seed and of places in the plan, so there is no other random state.</summary>
internal sealed class RunState
{
    /// <summary>The mean loss of each step that was taken.</summary>
    public List<double> Losses { get; init; } = [];

    /// <summary>The gradient norm of each step that was taken.</summary>
    public List<double> GradientNorms { get; init; } = [];

    /// <summary>How many tokens were computed in the steps that were taken.</summary>
    public long Tokens { get; set; }

    /// <summary>How long the run took in the sessions before this one.</summary>
    public TimeSpan ElapsedBefore { get; init; }

    /// <summary>How many steps were taken.</summary>
    public int Step => Losses.Count;

    /// <summary>Takes a step down.</summary>
    public void Add(TrainingStep.Outcome outcome)
    {
        Losses.Add(outcome.Loss);
        GradientNorms.Add(outcome.GradientNorm);
        Tokens += outcome.Tokens;
    }
}
