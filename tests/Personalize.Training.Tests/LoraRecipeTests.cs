using System.Text;
using Personalize.Core.Adapters;
using Personalize.Core.Errors;
using Personalize.Training.Optimizers;
using Personalize.Training.Tests.Support;

namespace Personalize.Training.Tests;

public sealed class LoraRecipeTests
{
    [Fact]
    public void The_defaults_are_the_protocol()
    {
        var recipe = LoraRecipe.FromJson("{}"u8.ToArray());
        Assert.Equal(8, recipe.Rank);
        Assert.Equal(2, recipe.Configuration.Scale);
        Assert.Equal(LoraConfiguration.AllTargets, recipe.Targets);
        Assert.Equal(1e-3, recipe.LearningRate);
        Assert.Equal(5, recipe.WarmupSteps);
        Assert.Equal(0.1, recipe.FinalLearningRateFraction);
        Assert.Equal(4, recipe.ExamplesPerStep);
        Assert.Equal(128, recipe.MaximumTokens);
        Assert.Equal(1, recipe.MaximumGradientNorm);
        Assert.Equal(0, recipe.WeightDecay);
        Assert.Equal(1, recipe.Epochs);
    }

    [Fact]
    public void Every_setting_survives_its_JSON_form()
    {
        var recipe = new LoraRecipe
        {
            Rank = 3,
            Alpha = 7.5f,
            UseRankStabilizedScaling = true,
            Targets = [LinearModule.Value, LinearModule.Query],
            LearningRate = 3e-4,
            WarmupSteps = 2,
            FinalLearningRateFraction = 0.25,
            ExamplesPerStep = 6,
            MaximumTokens = 77,
            MaximumGradientNorm = 0.5,
            WeightDecay = 0.01,
            Beta1 = 0.8,
            Beta2 = 0.95,
            Epsilon = 1e-6,
            Epochs = 3,
            Seed = ulong.MaxValue,
            UseDora = true,
            TrainBiases = true,
            Overrides = [new LoraOverride(null, LinearModule.Query, Rank: 16), new LoraOverride(2, LinearModule.Value, Rank: 1), new LoraOverride(2, LinearModule.Value, Alpha: 32.5f)],
            LoraPlusRatio = 16,
            Schedule = ScheduleKind.Cosine,
            ValidationShare = 0.125,
            ValidationInterval = 7,
            Patience = 4,
        };
        var json = recipe.ToJson();
        var copy = LoraRecipe.FromJson(json);
        Assert.Equal(json, copy.ToJson());
        Assert.Equal(recipe.Targets, copy.Targets);
        Assert.Equal(recipe.Seed, copy.Seed);
        Assert.Equal(recipe.Overrides, copy.Overrides);
        Assert.True(copy.Configuration.TrainsBiases);
        Assert.Equal(0.25, LoraRecipe.FromJson(new LoraRecipe { Dropout = 0.25 }.ToJson()).Dropout);
        Assert.NotEqual(new LoraRecipe().ToJson(), json);
    }

    [Fact]
    public void A_recipe_without_biases_has_the_text_it_had_before_there_was_the_setting() =>
        Assert.DoesNotContain("trainBiases", Encoding.UTF8.GetString(new LoraRecipe { UseDora = true }.ToJson()), StringComparison.Ordinal);

    [Fact]
    public void Biases_are_asked_for_of_a_model_that_has_some_among_the_targets()
    {
        using var biased = new TinyDecoder(bias: true);
        using var bare = new TinyDecoder();
        var recipe = new LoraRecipe { TrainBiases = true };
        recipe.Validate(biased.Description);
        Assert.Equal("trainBiases", Assert.Throws<RecipeException>(() => recipe.Validate(bare.Description)).Setting);
        var elsewhere = new LoraRecipe { TrainBiases = true, Targets = [LinearModule.Output, LinearModule.Down] };
        Assert.Equal("trainBiases", Assert.Throws<RecipeException>(() => elsewhere.Validate(biased.Description)).Setting);
    }

    [Theory]
    [InlineData("""{"rank": 0}""", "rank")]
    [InlineData("""{"rank": 1025}""", "rank")]
    [InlineData("""{"rank": 1.5}""", "rank")]
    [InlineData("""{"rank": "8"}""", "rank")]
    [InlineData("""{"rank": 99999999999}""", "rank")]
    [InlineData("""{"alpha": 0}""", "alpha")]
    [InlineData("""{"alpha": 1e39}""", "alpha")]
    [InlineData("""{"rankStabilized": 1}""", "rankStabilized")]
    [InlineData("""{"targets": []}""", "targets")]
    [InlineData("""{"targets": "q_proj"}""", "targets")]
    [InlineData("""{"targets": ["q_proj", "q_proj"]}""", "targets")]
    [InlineData("""{"targets": ["q_proj", "lm_head"]}""", "targets[1]")]
    [InlineData("""{"targets": [null]}""", "targets[0]")]
    [InlineData("""{"learningRate": -1}""", "learningRate")]
    [InlineData("""{"learningRate": 1e999}""", "learningRate")]
    [InlineData("""{"warmupSteps": -1}""", "warmupSteps")]
    [InlineData("""{"finalLearningRateFraction": 1.1}""", "finalLearningRateFraction")]
    [InlineData("""{"examplesPerStep": 0}""", "examplesPerStep")]
    [InlineData("""{"maximumTokens": 1}""", "maximumTokens")]
    [InlineData("""{"maximumGradientNorm": -1}""", "maximumGradientNorm")]
    [InlineData("""{"weightDecay": -0.1}""", "weightDecay")]
    [InlineData("""{"beta1": 1}""", "beta1")]
    [InlineData("""{"beta2": -0.5}""", "beta2")]
    [InlineData("""{"epsilon": 0}""", "epsilon")]
    [InlineData("""{"epochs": 0}""", "epochs")]
    [InlineData("""{"seed": -1}""", "seed")]
    [InlineData("""{"dora": "yes"}""", "dora")]
    [InlineData("""{"trainBiases": 1}""", "trainBiases")]
    [InlineData("""{"dropout": 1}""", "dropout")]
    [InlineData("""{"dropout": -0.1}""", "dropout")]
    [InlineData("""{"dropout": 0.1, "dora": true}""", "dropout")]
    [InlineData("""{"loraPlusRatio": 0}""", "loraPlusRatio")]
    [InlineData("""{"schedule": "step"}""", "schedule")]
    [InlineData("""{"schedule": 1}""", "schedule")]
    [InlineData("""{"rankPattern": []}""", "rankPattern")]
    [InlineData("""{"rankPattern": {"q_.*": 4}}""", "rankPattern")]
    [InlineData("""{"rankPattern": {"lm_head": 4}}""", "rankPattern")]
    [InlineData("""{"rankPattern": {"q_proj": 0}}""", "rankPattern")]
    [InlineData("""{"rankPattern": {"q_proj": 1.5}}""", "q_proj")]
    [InlineData("""{"rankPattern": {"q_proj": 4}, "targets": ["v_proj"]}""", "rankPattern")]
    [InlineData("""{"alphaPattern": {"q_proj": 0}}""", "alphaPattern")]
    [InlineData("""{"validationShare": 0.6}""", "validationShare")]
    [InlineData("""{"validationInterval": 0}""", "validationInterval")]
    [InlineData("""{"patience": 0}""", "patience")]
    [InlineData("""{"rnk": 8}""", "$")]
    [InlineData("""{"rank": 8, "rank": 9}""", "$")]
    [InlineData("""[8]""", "$")]
    [InlineData("""{"rank": 8""", "$")]
    [InlineData("", "$")]
    public void A_bad_setting_is_named(string json, string setting)
    {
        var error = Assert.Throws<RecipeException>(() => LoraRecipe.FromJson(Encoding.UTF8.GetBytes(json)));
        Assert.Equal(setting, error.Setting);
    }
}
