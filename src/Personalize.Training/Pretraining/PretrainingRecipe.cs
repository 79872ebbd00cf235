using Personalize.Core.Errors;
using Personalize.Core.Quantization;

namespace Personalize.Training.Pretraining;

/// <summary>Everything that decides which model comes out of training one from nothing: texts, tokenizer, shape, schedule and the form it is stored in. Immutable.</summary>
public sealed class PretrainingRecipe
{
    /// <summary>What the model is called.</summary>
    public required string Name { get; init; }

    /// <summary>What the model is, in a sentence.</summary>
    public string Description { get; init; } = "";

    /// <summary>Where the text comes from.</summary>
    public required string Source { get; init; }

    /// <summary>An address where the text is described; empty where there is none.</summary>
    public string SourceAddress { get; init; } = "";

    /// <summary>The licence of the text and of the model, by its SPDX name.</summary>
    public required string Licence { get; init; }

    /// <summary>Files of dialogues to train on, relative to the recipe.</summary>
    public required IReadOnlyList<string> Train { get; init; }

    /// <summary>Files of dialogues to judge by, relative to the recipe.</summary>
    public required IReadOnlyList<string> Dev { get; init; }

    /// <summary>A dialogue that holds any of these words is trained on by neither tokenizer nor model.</summary>
    public IReadOnlyList<string> LeaveOut { get; init; } = [];

    /// <summary>Trains on so many dialogues, evenly spread over all; 0 takes all. For comparing recipes.</summary>
    public int Dialogues { get; init; }

    /// <summary>How many tokens the tokenizer is to have.</summary>
    public int VocabularySize { get; init; } = 4096;

    /// <summary>How text is cut into pieces, by GGUF's name.</summary>
    public string PreTokenizer { get; init; } = "gpt-2";

    /// <summary>The decoder's sizes.</summary>
    public PretrainingShape Shape { get; init; } = new();

    /// <summary>Schedule and optimizer.</summary>
    public WeightRecipe Training { get; init; } = new();

    /// <summary>After how many steps the loss on the dev dialogues is measured.</summary>
    public int MeasureInterval { get; init; } = 100;

    /// <summary>On how many dev dialogues, evenly spread over all.</summary>
    public int MeasureDialogues { get; init; } = 150;

    /// <summary>How the linear maps are stored.</summary>
    public GgmlType MatrixType { get; init; } = GgmlType.Q4_1;

    /// <summary>How the embedding, which is the output layer too, is stored.</summary>
    public GgmlType EmbeddingType { get; init; } = GgmlType.Q8_0;

    /// <summary>Reads the JSON form.</summary>
    /// <param name="utf8Json">An object; names that are left out keep their defaults where they have one.</param>
    /// <returns>The checked recipe.</returns>
    /// <exception cref="RecipeException">A setting is unknown, missing, of the wrong kind, or out of range.</exception>
    public static PretrainingRecipe FromJson(ReadOnlyMemory<byte> utf8Json) => PretrainingRecipeJson.Read(utf8Json);

    /// <summary>Checks every setting.</summary>
    /// <exception cref="RecipeException">A setting is out of range.</exception>
    public void Validate()
    {
        Rule.Require(Name.Length is > 0 and <= 100, "name", "must have 1 to 100 characters");
        Rule.Require(Source.Length > 0, "corpus.source", "must say where the text comes from");
        Rule.Require(Licence.Length > 0, "corpus.licence", "must name the licence of the text");
        Rule.Require(Train.Count > 0, "corpus.train", "must name at least one file");
        Rule.Require(Dev.Count > 0, "corpus.dev", "must name at least one file");
        Rule.Require(Dialogues >= 0, "corpus.dialogues", "must not be negative");
        Rule.Require(VocabularySize is >= 260 and <= 1 << 17, "tokenizer.vocabularySize", $"must be from 260 to {1 << 17}");
        Rule.Require(PreTokenizer is "gpt-2" or "smollm" or "llama-bpe" or "qwen2", "tokenizer.preTokenizer", "must be gpt-2, smollm, llama-bpe or qwen2");
        Rule.Require(MeasureInterval >= 1, "measure.interval", "must be at least 1");
        Rule.Require(MeasureDialogues >= 1, "measure.dialogues", "must be at least 1");
        Rule.Require(IsStorable(MatrixType), "store.matrices", "must be Q4_0, Q4_1, Q8_0, F16, BF16 or F32");
        Rule.Require(IsStorable(EmbeddingType), "store.embedding", "must be Q4_0, Q4_1, Q8_0, F16, BF16 or F32");
        Shape.Validate();
        Training.Validate();
    }

    private static bool IsStorable(GgmlType type) => type is GgmlType.Q4_0 or GgmlType.Q4_1 or GgmlType.Q8_0 or GgmlType.F16 or GgmlType.BF16 or GgmlType.F32;
}
