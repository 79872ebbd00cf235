using Personalize.Core.Adapters;
using Personalize.Core.Errors;
using Personalize.Training.Privacy;

namespace Personalize.Training;

/// <summary>Everything that decides which adapter comes out of given examples. The defaults are the personalization protocol. Immutable; safe to share between threads.</summary>
public sealed class LoraRecipe
{
    /// <summary>The largest rank that is accepted.</summary>
    public const int MaximumRank = 1024;

    private const int MaximumTokenCap = 1 << 20;

    /// <summary>The inner dimension r of every pair, from 1 to <see cref="MaximumRank"/>.</summary>
    public int Rank { get; init; } = 8;

    /// <summary>The numerator of the scale alpha / r.</summary>
    public float Alpha { get; init; } = 16;

    /// <summary>Scale by alpha / sqrt(r) (rsLoRA, arXiv 2312.03732).</summary>
    public bool UseRankStabilizedScaling { get; init; }

    /// <summary>The linear maps that get a pair, each at most once.</summary>
    public IReadOnlyList<LinearModule> Targets { get; init; } = LoraConfiguration.AllTargets;

    /// <summary>The peak learning rate.</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>Over how many steps the rate rises to its peak.</summary>
    public int WarmupSteps { get; init; } = 5;

    /// <summary>Towards which fraction of its peak the rate falls by the last step; 1 keeps it constant.</summary>
    public double FinalLearningRateFraction { get; init; } = 0.1;

    /// <summary>How many examples make one optimizer step.</summary>
    public int ExamplesPerStep { get; init; } = 4;

    /// <summary>Examples are cut at their end to this many tokens.</summary>
    public int MaximumTokens { get; init; } = 128;

    /// <summary>The global norm gradients are scaled down to; 0 does not clip.</summary>
    public double MaximumGradientNorm { get; init; } = 1;

    /// <summary>Decoupled weight decay.</summary>
    public double WeightDecay { get; init; }

    /// <summary>The decay of the gradient's running mean.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>The decay of the squared gradient's running mean.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>What Adam adds to the root of the squared gradient's mean.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>How often the examples are gone through, in their order.</summary>
    public int Epochs { get; init; } = 1;

    /// <summary>Decides the initial values of A.</summary>
    public ulong Seed { get; init; }

    /// <summary>Whether to train with a guarantee for each example, and which; null for none.</summary>
    public DifferentialPrivacy? DifferentialPrivacy { get; init; }

    /// <summary>The shape and scale of the adapter this recipe trains.</summary>
    public LoraConfiguration Configuration => new(Rank, Alpha, UseRankStabilizedScaling, Targets);

    /// <summary>Reads the JSON form: an object with any of the settings, absent ones keeping their defaults.</summary>
    /// <param name="utf8Json">UTF-8 text.</param>
    /// <exception cref="RecipeException">The text is not such an object, or a setting is unknown, repeated, of the wrong kind or out of range.</exception>
    public static LoraRecipe FromJson(ReadOnlyMemory<byte> utf8Json) => LoraRecipeJson.Read(utf8Json);

    /// <summary>Writes all settings as a JSON object that <see cref="FromJson"/> reads back to an equal recipe.</summary>
    public byte[] ToJson() => LoraRecipeJson.Write(this);

    /// <summary>Checks every setting.</summary>
    /// <exception cref="RecipeException">A setting is out of range.</exception>
    public void Validate()
    {
        Require(Rank is >= 1 and <= MaximumRank, LoraRecipeJson.RankName, $"must be from 1 to {MaximumRank}");
        Require(float.IsFinite(Alpha) && Alpha > 0, LoraRecipeJson.AlphaName, "must be above 0");
        Require(Targets is { Count: > 0 } && Targets.All(Enum.IsDefined) && Targets.Distinct().Count() == Targets.Count, LoraRecipeJson.TargetsName, "must name at least one linear map, each once");
        Require(double.IsFinite(LearningRate) && LearningRate > 0, LoraRecipeJson.LearningRateName, "must be above 0");
        Require(WarmupSteps >= 0, LoraRecipeJson.WarmupStepsName, "must not be negative");
        Require(FinalLearningRateFraction is >= 0 and <= 1, LoraRecipeJson.FinalFractionName, "must be from 0 to 1");
        Require(ExamplesPerStep >= 1, LoraRecipeJson.ExamplesPerStepName, "must be at least 1");
        Require(MaximumTokens is >= 2 and <= MaximumTokenCap, LoraRecipeJson.MaximumTokensName, $"must be from 2 to {MaximumTokenCap}");
        Require(double.IsFinite(MaximumGradientNorm) && MaximumGradientNorm >= 0, LoraRecipeJson.MaximumGradientNormName, "must not be negative");
        Require(double.IsFinite(WeightDecay) && WeightDecay >= 0, LoraRecipeJson.WeightDecayName, "must not be negative");
        Require(Beta1 is >= 0 and < 1, LoraRecipeJson.Beta1Name, "must be from 0 to below 1");
        Require(Beta2 is >= 0 and < 1, LoraRecipeJson.Beta2Name, "must be from 0 to below 1");
        Require(double.IsFinite(Epsilon) && Epsilon > 0, LoraRecipeJson.EpsilonName, "must be above 0");
        Require(Epochs >= 1, LoraRecipeJson.EpochsName, "must be at least 1");
        DifferentialPrivacy?.Validate();
    }

    private static void Require(bool holds, string setting, string requirement)
    {
        if (!holds)
        {
            throw new RecipeException(setting, requirement);
        }
    }
}
