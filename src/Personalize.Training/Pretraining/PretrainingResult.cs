using Personalize.Core.Formats.Gguf;
using Personalize.Core.Models;
using Personalize.Core.Tokenization;

namespace Personalize.Training.Pretraining;

/// <summary>A model that was trained from nothing. Owns its weights.</summary>
public sealed class PretrainingResult : IDisposable
{
    internal PretrainingResult(PretrainingRecipe recipe, DecoderDescription description, DecoderWeights weights, TokenizerDefinition tokenizer)
    {
        Recipe = recipe;
        Description = description;
        Weights = weights;
        Tokenizer = tokenizer;
    }

    /// <summary>What it was made with.</summary>
    public PretrainingRecipe Recipe { get; }

    /// <summary>Its sizes.</summary>
    public DecoderDescription Description { get; }

    /// <summary>Its weights in single precision.</summary>
    public DecoderWeights Weights { get; }

    /// <summary>Its vocabulary.</summary>
    public TokenizerDefinition Tokenizer { get; }

    /// <summary>How many parameters it has.</summary>
    public required long ParameterCount { get; init; }

    /// <summary>How many dialogues were trained on.</summary>
    public required int Dialogues { get; init; }

    /// <summary>How many dialogues were left out.</summary>
    public required int LeftOut { get; init; }

    /// <summary>How many tokens an epoch has.</summary>
    public required long EpochTokens { get; init; }

    /// <summary>The points that this session measured.</summary>
    public required IReadOnlyList<CurvePoint> Curve { get; init; }

    /// <summary>How many steps were taken, those of earlier sessions included.</summary>
    public required int Steps { get; init; }

    /// <summary>How many tokens were trained on, those of earlier sessions included.</summary>
    public required long TrainTokens { get; init; }

    /// <summary>How long it took, earlier sessions included.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>The model as a GGUF file with tokenizer, chat template, licence and provenance, in the recipe's types.</summary>
    /// <returns>The file, ready to be written while this is not disposed.</returns>
    public GgufWriter ToGguf()
    {
        var about = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["general.name"] = Recipe.Name,
            ["general.license"] = Recipe.Licence,
            ["general.dataset.0.name"] = Recipe.Source,
        };
        if (Recipe.Description.Length > 0)
        {
            about.Add("general.description", Recipe.Description);
        }

        if (Recipe.SourceAddress.Length > 0)
        {
            about.Add("general.dataset.0.repo_url", Recipe.SourceAddress);
        }

        about.Add("personalize.provenance", FormattableString.Invariant(
            $"trained from nothing on {Dialogues} dialogues ({Recipe.Source}, {Recipe.Licence}), {LeftOut} left out, {Steps} steps, {TrainTokens} tokens, seed {Recipe.Training.Seed}"));
        return DecoderModelWriter.Prepare(Description, Weights, Tokenizer, DialogueFormat.Template, Recipe.MatrixType, Recipe.EmbeddingType, about);
    }

    /// <inheritdoc/>
    public void Dispose() => Weights.Dispose();
}
