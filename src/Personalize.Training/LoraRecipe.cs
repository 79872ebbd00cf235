using Personalize.Core.Adapters;
using Personalize.Core.Errors;
using Personalize.Core.Models;
using Personalize.Training.Optimizers;
using Personalize.Training.Privacy;

namespace Personalize.Training;

/// <summary>Everything that decides which adapter comes out of given examples. A setting that is left out is that of <see cref="Protocol"/>. Immutable; safe to share between threads.</summary>
public sealed class LoraRecipe
{
    /// <summary>The largest rank that is accepted.</summary>
    public const int MaximumRank = 1024;

    private const int MaximumTokenCap = 1 << 20;

    /// <summary>The protocol that adapters of different software are compared by: rank 8, rate 1e-3, one pass.</summary>
    public static LoraRecipe Protocol { get; } = new();

    /// <summary>What trains unless something else is asked for: the protocol with a second pass, which lowered the loss on later text for every writer it was measured on (docs/decisions/default-recipe.md).</summary>
    public static LoraRecipe Default { get; } = new() { Epochs = 2 };

    /// <summary>The inner dimension r of every pair, from 1 to <see cref="MaximumRank"/>.</summary>
    public int Rank { get; init; } = 8;

    /// <summary>The numerator of the scale alpha / r.</summary>
    public float Alpha { get; init; } = 16;

    /// <summary>Scale by alpha / sqrt(r) (rsLoRA, arXiv 2312.03732).</summary>
    public bool UseRankStabilizedScaling { get; init; }

    /// <summary>Train a magnitude for each output of the adapted maps besides the pairs (DoRA, arXiv 2402.09353), as PEFT does: the norm of the rows counts as constant in the backward.</summary>
    public bool UseDora { get; init; }

    /// <summary>Train the biases of the adapted maps that have one in the base beside the pairs (PEFT's <c>bias="lora_only"</c>); they do not decay, and take the plain rate.</summary>
    public bool TrainBiases { get; init; }

    /// <summary>Other ranks and alphas for some of the maps; the first entry that covers a map and has a value decides.</summary>
    public IReadOnlyList<LoraOverride> Overrides { get; init; } = [];

    /// <summary>The probability for an element of a pair's input to be dropped, from 0 to below 1; not together with <see cref="UseDora"/>.</summary>
    public double Dropout { get; init; }

    /// <summary>The linear maps that get a pair, each at most once.</summary>
    public IReadOnlyList<LinearModule> Targets { get; init; } = LoraConfiguration.AllTargets;

    /// <summary>The peak learning rate.</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>What the rate is multiplied with for B and magnitudes (LoRA+, arXiv 2402.12354); 1 is plain LoRA.</summary>
    public double LoraPlusRatio { get; init; } = 1;

    /// <summary>How the rate goes on after its warm-up.</summary>
    public ScheduleKind Schedule { get; init; }

    /// <summary>Over how many steps the rate rises to its peak.</summary>
    public int WarmupSteps { get; init; } = 5;

    /// <summary>Towards which fraction of its peak the rate falls by the last step; 1, or a constant schedule, keeps it constant.</summary>
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

    /// <summary>The share of the examples, the latest of them, that is held back to watch the loss while training; 0 uses all to train and stops by no loss.</summary>
    public double ValidationShare { get; init; }

    /// <summary>After how many steps the held-back loss is measured.</summary>
    public int ValidationInterval { get; init; } = 10;

    /// <summary>After how many measurements without a new lowest loss training stops; the weights of the lowest loss are kept.</summary>
    public int Patience { get; init; } = 3;

    /// <summary>Decides the initial values of A, and what dropout drops.</summary>
    public ulong Seed { get; init; }

    /// <summary>Whether to train with a guarantee for each example, and which; null for none.</summary>
    public DifferentialPrivacy? DifferentialPrivacy { get; init; }

    /// <summary>The shape and scale of the adapter this recipe trains.</summary>
    public LoraConfiguration Configuration => new(Rank, Alpha, UseRankStabilizedScaling, Targets) { UseDora = UseDora, TrainsBiases = TrainBiases, Overrides = Overrides };

    /// <summary>Reads the JSON form: an object with any of the settings, absent ones keeping their defaults.</summary>
    /// <param name="utf8Json">UTF-8 text.</param>
    /// <exception cref="RecipeException">The text is not such an object, or a setting is unknown, repeated, of the wrong kind or out of range.</exception>
    public static LoraRecipe FromJson(ReadOnlyMemory<byte> utf8Json) => LoraRecipeJson.Read(utf8Json);

    /// <summary>Writes the settings as a JSON object that <see cref="FromJson"/> reads back to an equal recipe; <see cref="TrainBiases"/> and <see cref="DifferentialPrivacy"/> only where they are on.</summary>
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
        Require(Overrides is not null && Overrides.All(o => o.Rank is null or (>= 1 and <= MaximumRank)), LoraRecipeJson.RankPatternName, $"must hold ranks from 1 to {MaximumRank}");
        Require(Overrides!.All(o => o.Alpha is null || (float.IsFinite(o.Alpha.Value) && o.Alpha > 0)), LoraRecipeJson.AlphaPatternName, "must hold numbers above 0");
        Require(Overrides!.All(o => o.Layer is null or >= 0 && Enum.IsDefined(o.Module) && Targets!.Contains(o.Module)), LoraRecipeJson.RankPatternName, "and alphaPattern must name maps that are among the targets");
        Require(Dropout is >= 0 and < 1, LoraRecipeJson.DropoutName, "must be from 0 to below 1");
        Require(Dropout == 0 || !UseDora, LoraRecipeJson.DropoutName, "must be 0 with DoRA, which rescales the whole map");
        Require(double.IsFinite(LoraPlusRatio) && LoraPlusRatio > 0, LoraRecipeJson.LoraPlusRatioName, "must be above 0");
        Require(Enum.IsDefined(Schedule), LoraRecipeJson.ScheduleName, "must be linear, constant or cosine");
        Require(ValidationShare is >= 0 and <= 0.5, LoraRecipeJson.ValidationShareName, "must be from 0 to 0.5");
        Require(ValidationInterval >= 1, LoraRecipeJson.ValidationIntervalName, "must be at least 1");
        Require(Patience >= 1, LoraRecipeJson.PatienceName, "must be at least 1");
        ValidatePrivacy();
    }

    /// <summary>Checks the recipe, and that it fits a model.</summary>
    /// <param name="description">The model's sizes.</param>
    /// <exception cref="RecipeException">A setting is out of range, a rank exceeds the smaller size of a map it is for, an override is for a layer that the model does not have, or biases are to be trained and none of the adapted maps has one.</exception>
    public void Validate(DecoderDescription description)
    {
        ArgumentNullException.ThrowIfNull(description);
        Validate();
        var configuration = Configuration;
        Require(Overrides.All(o => o.Layer is null || o.Layer < description.LayerCount), LoraRecipeJson.RankPatternName, $"and alphaPattern must name layers below {description.LayerCount}");
        Require(!TrainBiases || Targets.Any(description.HasBias), LoraRecipeJson.BiasesName, "must be false for this model, whose adapted maps have no biases");
        foreach (var module in Targets)
        {
            var (input, output) = description.GetShape(module);
            var smallest = Math.Min(input, output);
            for (var layer = 0; layer < description.LayerCount; layer++)
            {
                var name = configuration.GetRank(layer, module) == Rank ? LoraRecipeJson.RankName : LoraRecipeJson.RankPatternName;
                Require(configuration.GetRank(layer, module) <= smallest, name, $"must be at most {smallest}, the smallest size of the model's adapted maps");
            }
        }
    }

    private void ValidatePrivacy()
    {
        if (DifferentialPrivacy is not { } privacy)
        {
            return;
        }

        privacy.Validate();

        // Magnitudes and biases have no gradients of single examples. What is held back would choose the weights without any noise.
        Require(!UseDora, LoraRecipeJson.DoraName, "must be false with differentialPrivacy, which clips the gradients of A and B alone");
        Require(!TrainBiases, LoraRecipeJson.BiasesName, "must be false with differentialPrivacy, which clips the gradients of A and B alone");
        Require(ValidationShare == 0, LoraRecipeJson.ValidationShareName, "must be 0 with differentialPrivacy: examples held back would choose the weights without a guarantee");
    }

    private static void Require(bool holds, string setting, string requirement)
    {
        if (!holds)
        {
            throw new RecipeException(setting, requirement);
        }
    }
}
