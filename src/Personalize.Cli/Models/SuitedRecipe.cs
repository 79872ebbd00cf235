using Personalize.Core.Adapters;
using Personalize.Core.Models;
using Personalize.Training;

namespace Personalize.Cli.Models;

/// <summary>The recipe of <c>demo</c> where none is named: the default, but for models so small that its passes at its rate do not reach a manner.</summary>
internal static class SuitedRecipe
{
    private const long SmallModel = 50_000_000;

    /// <summary>Whether the default is too little for a model.</summary>
    public static bool IsSmall(DecoderDescription model) => Parameters(model) < SmallModel;

    /// <summary>The recipe for a model.</summary>
    /// <param name="model">Its sizes.</param>
    /// <param name="standard">The default, with the seed that was asked for.</param>
    public static LoraRecipe For(DecoderDescription model, LoraRecipe standard) => IsSmall(model)
        ? new LoraRecipe { Rank = 16, Alpha = 32, LearningRate = 0.005, Epochs = 8, Seed = standard.Seed }
        : standard;

    // Gains of norms are too few to count.
    private static long Parameters(DecoderDescription model) =>
        ((long)model.VocabularySize * model.HiddenSize) + (model.LayerCount * LoraConfiguration.AllTargets.Sum(module => (long)model.GetShape(module).Input * model.GetShape(module).Output));
}
