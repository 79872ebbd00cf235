using System.Text.Json;
using Personalize.Core.Errors;
using Personalize.Core.Quantization;
using Personalize.Training.Optimizers;

namespace Personalize.Training.Pretraining;

/// <summary>The JSON form of a <see cref="PretrainingRecipe"/>.</summary>
internal static class PretrainingRecipeJson
{
    private const int MaximumBytes = 256 * 1024;

    public static PretrainingRecipe Read(ReadOnlyMemory<byte> utf8Json)
    {
        if (utf8Json.Length > MaximumBytes)
        {
            throw new RecipeException("$", $"must be at most {MaximumBytes} bytes");
        }

        try
        {
            using var document = JsonDocument.Parse(utf8Json, new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = 8 });
            var recipe = Read(new RecipeObject(document.RootElement, ""));
            recipe.Validate();
            return recipe;
        }
        catch (JsonException e)
        {
            throw new RecipeException("$", $"must be a JSON object without repeated settings (line {e.LineNumber ?? 0}, byte {e.BytePositionInLine ?? 0})", e);
        }
    }

    private static PretrainingRecipe Read(RecipeObject root)
    {
        var corpus = root.Object("corpus");
        var tokenizer = root.Object("tokenizer");
        var measure = root.Object("measure");
        var store = root.Object("store");
        var recipe = new PretrainingRecipe
        {
            Name = root.Text("name"),
            Description = root.Text("description", ""),
            Source = corpus.Text("source"),
            SourceAddress = corpus.Text("address", ""),
            Licence = corpus.Text("licence"),
            Train = corpus.Texts("train"),
            Dev = corpus.Texts("dev"),
            LeaveOut = corpus.Texts("leaveOut"),
            Dialogues = corpus.Integer("dialogues", 0),
            VocabularySize = tokenizer.Integer("vocabularySize", 4096),
            PreTokenizer = tokenizer.Text("preTokenizer", "gpt-2"),
            Shape = ReadShape(root.Object("shape")),
            Training = ReadTraining(root.Object("training")),
            MeasureInterval = measure.Integer("interval", 100),
            MeasureDialogues = measure.Integer("dialogues", 150),
            MatrixType = ReadType(store, "matrices", GgmlType.Q4_1),
            EmbeddingType = ReadType(store, "embedding", GgmlType.Q8_0),
        };
        foreach (var part in new[] { corpus, tokenizer, measure, store, root })
        {
            part.RequireAllKnown();
        }

        return recipe;
    }

    private static PretrainingShape ReadShape(RecipeObject json)
    {
        var defaults = new PretrainingShape();
        var shape = new PretrainingShape
        {
            Layers = json.Integer("layers", defaults.Layers),
            Hidden = json.Integer("hidden", defaults.Hidden),
            Intermediate = json.Integer("intermediate", defaults.Intermediate),
            Heads = json.Integer("heads", defaults.Heads),
            KeyValueHeads = json.Integer("keyValueHeads", defaults.KeyValueHeads),
            HeadDimension = json.Integer("headDimension", defaults.HeadDimension),
            ContextLength = json.Integer("contextLength", defaults.ContextLength),
            RotaryBase = json.Number("rotaryBase", defaults.RotaryBase),
        };
        json.RequireAllKnown();
        return shape;
    }

    private static WeightRecipe ReadTraining(RecipeObject json)
    {
        var defaults = new WeightRecipe();
        var recipe = new WeightRecipe
        {
            LearningRate = json.Number("learningRate", defaults.LearningRate),
            WarmupSteps = json.Integer("warmupSteps", defaults.WarmupSteps),
            Schedule = json.Text("schedule", "cosine") switch
            {
                "linear" => ScheduleKind.Linear,
                "constant" => ScheduleKind.Constant,
                "cosine" => ScheduleKind.Cosine,
                _ => throw new RecipeException("training.schedule", "must be one of linear, constant, cosine"),
            },
            FinalLearningRateFraction = json.Number("finalLearningRateFraction", defaults.FinalLearningRateFraction),
            DecayShare = json.Number("decayShare", defaults.DecayShare),
            Steps = json.Integer("steps", defaults.Steps),
            ExamplesPerStep = json.Integer("examplesPerStep", defaults.ExamplesPerStep),
            MaximumTokens = json.Integer("maximumTokens", defaults.MaximumTokens),
            MaximumGradientNorm = json.Number("maximumGradientNorm", defaults.MaximumGradientNorm),
            WeightDecay = json.Number("weightDecay", defaults.WeightDecay),
            Optimizer = json.Text("optimizer", "adamw") switch
            {
                "adamw" => OptimizerKind.AdamW,
                "muon" => OptimizerKind.Muon,
                _ => throw new RecipeException("training.optimizer", "must be one of adamw, muon"),
            },
            Momentum = json.Number("momentum", defaults.Momentum),
            Beta1 = json.Number("beta1", defaults.Beta1),
            Beta2 = json.Number("beta2", defaults.Beta2),
            Epsilon = json.Number("epsilon", defaults.Epsilon),
            Epochs = json.Integer("epochs", defaults.Epochs),
            Shuffle = json.Flag("shuffle", otherwise: true),
            Seed = json.Unsigned("seed", defaults.Seed),
        };
        json.RequireAllKnown();
        return recipe;
    }

    private static GgmlType ReadType(RecipeObject json, string name, GgmlType otherwise) => json.Text(name, otherwise.ToString()) switch
    {
        "Q4_0" => GgmlType.Q4_0,
        "Q4_1" => GgmlType.Q4_1,
        "Q8_0" => GgmlType.Q8_0,
        "F16" => GgmlType.F16,
        "BF16" => GgmlType.BF16,
        "F32" => GgmlType.F32,
        _ => throw new RecipeException($"store.{name}", "must be Q4_0, Q4_1, Q8_0, F16, BF16 or F32"),
    };
}
