using Personalize.Core.Errors;
using Personalize.Training.Optimizers;

namespace Personalize.Training;

/// <summary>Everything that decides which weights come out of training all of them on given examples. Immutable; safe to share between threads.</summary>
public sealed class WeightRecipe
{
    /// <summary>The peak learning rate.</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>Over how many steps the rate rises to its peak.</summary>
    public int WarmupSteps { get; init; } = 20;

    /// <summary>How the rate goes on after its warm-up.</summary>
    public ScheduleKind Schedule { get; init; } = ScheduleKind.Cosine;

    /// <summary>Towards which fraction of its peak the rate falls by the last step.</summary>
    public double FinalLearningRateFraction { get; init; } = 0.1;

    /// <summary>With a constant schedule: over which share of the steps, the last ones, the rate falls along a line. Until there the end need not be known: a run goes on with another number of steps from any checkpoint before.</summary>
    public double DecayShare { get; init; }

    /// <summary>How many examples make one optimizer step.</summary>
    public int ExamplesPerStep { get; init; } = 16;

    /// <summary>Examples are cut at their end to this many tokens.</summary>
    public int MaximumTokens { get; init; } = 256;

    /// <summary>The global norm gradients are scaled down to; 0 does not clip.</summary>
    public double MaximumGradientNorm { get; init; } = 1;

    /// <summary>Decoupled weight decay of matrices; gains and biases do not decay.</summary>
    public double WeightDecay { get; init; } = 0.1;

    /// <summary>How the linear maps are updated.</summary>
    public OptimizerKind Optimizer { get; init; }

    /// <summary>The decay of Muon's momentum.</summary>
    public double Momentum { get; init; } = 0.95;

    /// <summary>The decay of the gradient's running mean.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>The decay of the squared gradient's running mean.</summary>
    public double Beta2 { get; init; } = 0.95;

    /// <summary>What Adam adds to the root of the squared gradient's mean.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>How often the examples are gone through.</summary>
    public int Epochs { get; init; } = 1;

    /// <summary>Ends after so many steps where the epochs have more; 0 ends with the epochs.</summary>
    public int Steps { get; init; }

    /// <summary>Whether each epoch has an order of its own, drawn from the seed, in place of the order in which the examples were given.</summary>
    public bool Shuffle { get; init; }

    /// <summary>Decides the initial weights where none are given, and the orders.</summary>
    public ulong Seed { get; init; }

    /// <summary>Checks every setting.</summary>
    /// <exception cref="RecipeException">A setting is out of range.</exception>
    public void Validate()
    {
        Require(double.IsFinite(LearningRate) && LearningRate > 0, "learningRate", "must be above 0");
        Require(WarmupSteps >= 0, "warmupSteps", "must not be negative");
        Require(Enum.IsDefined(Schedule), "schedule", "must be linear, constant or cosine");
        Require(FinalLearningRateFraction is >= 0 and <= 1, "finalLearningRateFraction", "must be from 0 to 1");
        Require(DecayShare is >= 0 and <= 1, "decayShare", "must be from 0 to 1");
        Require(Steps >= 0, "steps", "must not be negative");
        Require(ExamplesPerStep >= 1, "examplesPerStep", "must be at least 1");
        Require(MaximumTokens is >= 2 and <= 1 << 20, "maximumTokens", $"must be from 2 to {1 << 20}");
        Require(double.IsFinite(MaximumGradientNorm) && MaximumGradientNorm >= 0, "maximumGradientNorm", "must not be negative");
        Require(double.IsFinite(WeightDecay) && WeightDecay >= 0, "weightDecay", "must not be negative");
        Require(Enum.IsDefined(Optimizer), "optimizer", "must be adamw or muon");
        Require(Momentum is >= 0 and < 1, "momentum", "must be from 0 to below 1");
        Require(Beta1 is >= 0 and < 1, "beta1", "must be from 0 to below 1");
        Require(Beta2 is >= 0 and < 1, "beta2", "must be from 0 to below 1");
        Require(double.IsFinite(Epsilon) && Epsilon > 0, "epsilon", "must be above 0");
        Require(Epochs >= 1, "epochs", "must be at least 1");
    }

    private static void Require(bool holds, string setting, string requirement)
    {
        if (!holds)
        {
            throw new RecipeException(setting, requirement);
        }
    }
}
