using System.Buffers;
using System.Text.Json;
using Personalize.Core.Adapters;
using Personalize.Core.Errors;
using Personalize.Training.Optimizers;
using Personalize.Training.Privacy;

namespace Personalize.Training;

/// <summary>The JSON form of a recipe. Targets go by PEFT's names.</summary>
internal static class LoraRecipeJson
{
    public const string RankName = "rank";
    public const string AlphaName = "alpha";
    public const string RankStabilizedName = "rankStabilized";
    public const string TargetsName = "targets";
    public const string LearningRateName = "learningRate";
    public const string WarmupStepsName = "warmupSteps";
    public const string FinalFractionName = "finalLearningRateFraction";
    public const string ExamplesPerStepName = "examplesPerStep";
    public const string MaximumTokensName = "maximumTokens";
    public const string MaximumGradientNormName = "maximumGradientNorm";
    public const string WeightDecayName = "weightDecay";
    public const string Beta1Name = "beta1";
    public const string Beta2Name = "beta2";
    public const string EpsilonName = "epsilon";
    public const string EpochsName = "epochs";
    public const string SeedName = "seed";
    public const string DoraName = "dora";
    public const string BiasesName = "trainBiases";
    public const string RankPatternName = "rankPattern";
    public const string AlphaPatternName = "alphaPattern";
    public const string DropoutName = "dropout";
    public const string LoraPlusRatioName = "loraPlusRatio";
    public const string ScheduleName = "schedule";
    public const string ValidationShareName = "validationShare";
    public const string ValidationIntervalName = "validationInterval";
    public const string PatienceName = "patience";

    private const int MaximumBytes = 64 * 1024;

    private static readonly string[] ModuleNames = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];

    // In the order of ScheduleKind.
    private static readonly string[] ScheduleNames = ["linear", "constant", "cosine"];

    private static readonly HashSet<string> SettingNames = new(StringComparer.Ordinal)
    {
        RankName, AlphaName, RankStabilizedName, TargetsName, LearningRateName, WarmupStepsName, FinalFractionName, ExamplesPerStepName,
        MaximumTokensName, MaximumGradientNormName, WeightDecayName, Beta1Name, Beta2Name, EpsilonName, EpochsName, SeedName, DoraName, BiasesName, RankPatternName, AlphaPatternName,
        DropoutName, LoraPlusRatioName, ScheduleName, ValidationShareName, ValidationIntervalName, PatienceName,
        MaximumTokensName, MaximumGradientNormName, WeightDecayName, Beta1Name, Beta2Name, EpsilonName, EpochsName, SeedName, DifferentialPrivacyJson.Name,
    };

    public static LoraRecipe Read(ReadOnlyMemory<byte> utf8Json)
    {
        if (utf8Json.Length > MaximumBytes)
        {
            throw new RecipeException("$", $"must be at most {MaximumBytes} bytes");
        }

        try
        {
            using var document = JsonDocument.Parse(utf8Json, new JsonDocumentOptions { AllowDuplicateProperties = false });
            var recipe = Read(document.RootElement);
            recipe.Validate();
            return recipe;
        }
        catch (JsonException e)
        {
            throw new RecipeException("$", $"must be a JSON object without repeated settings (line {e.LineNumber ?? 0}, byte {e.BytePositionInLine ?? 0})", e);
        }
    }

    public static byte[] Write(LoraRecipe recipe)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            writer.WriteStartObject();
            writer.WriteNumber(RankName, recipe.Rank);
            writer.WriteNumber(AlphaName, recipe.Alpha);
            writer.WriteBoolean(RankStabilizedName, recipe.UseRankStabilizedScaling);
            writer.WriteStartArray(TargetsName);
            foreach (var target in recipe.Targets)
            {
                writer.WriteStringValue(ModuleNames[(int)target]);
            }

            writer.WriteEndArray();
            writer.WriteNumber(LearningRateName, recipe.LearningRate);
            writer.WriteNumber(WarmupStepsName, recipe.WarmupSteps);
            writer.WriteNumber(FinalFractionName, recipe.FinalLearningRateFraction);
            writer.WriteNumber(ExamplesPerStepName, recipe.ExamplesPerStep);
            writer.WriteNumber(MaximumTokensName, recipe.MaximumTokens);
            writer.WriteNumber(MaximumGradientNormName, recipe.MaximumGradientNorm);
            writer.WriteNumber(WeightDecayName, recipe.WeightDecay);
            writer.WriteNumber(Beta1Name, recipe.Beta1);
            writer.WriteNumber(Beta2Name, recipe.Beta2);
            writer.WriteNumber(EpsilonName, recipe.Epsilon);
            writer.WriteNumber(EpochsName, recipe.Epochs);
            writer.WriteNumber(SeedName, recipe.Seed);
            writer.WriteBoolean(DoraName, recipe.UseDora);

            // The text tells a run's checkpoints from those of others: a recipe that was written before there was the setting keeps its text.
            if (recipe.TrainBiases)
            {
                writer.WriteBoolean(BiasesName, true);
            }

            AdapterPatterns.Write(writer, RankPatternName, recipe.Overrides, o => o.Rank);
            AdapterPatterns.Write(writer, AlphaPatternName, recipe.Overrides, o => o.Alpha);
            writer.WriteNumber(DropoutName, recipe.Dropout);
            writer.WriteNumber(LoraPlusRatioName, recipe.LoraPlusRatio);
            writer.WriteString(ScheduleName, ScheduleNames[(int)recipe.Schedule]);
            writer.WriteNumber(ValidationShareName, recipe.ValidationShare);
            writer.WriteNumber(ValidationIntervalName, recipe.ValidationInterval);
            writer.WriteNumber(PatienceName, recipe.Patience);
            DifferentialPrivacyJson.Write(writer, recipe.DifferentialPrivacy);
            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static LoraRecipe Read(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
        {
            throw new RecipeException("$", "must be a JSON object");
        }

        foreach (var property in root.EnumerateObject())
        {
            if (!SettingNames.Contains(property.Name))
            {
                throw new RecipeException("$", $"holds a setting that is not known; known are {string.Join(", ", SettingNames.Order(StringComparer.Ordinal))}");
            }
        }

        var defaults = new LoraRecipe();
        return new LoraRecipe
        {
            Rank = Integer(root, RankName, defaults.Rank),
            Alpha = (float)Number(root, AlphaName, defaults.Alpha),
            UseRankStabilizedScaling = Boolean(root, RankStabilizedName, defaults.UseRankStabilizedScaling),
            Targets = Modules(root, defaults.Targets),
            LearningRate = Number(root, LearningRateName, defaults.LearningRate),
            WarmupSteps = Integer(root, WarmupStepsName, defaults.WarmupSteps),
            FinalLearningRateFraction = Number(root, FinalFractionName, defaults.FinalLearningRateFraction),
            ExamplesPerStep = Integer(root, ExamplesPerStepName, defaults.ExamplesPerStep),
            MaximumTokens = Integer(root, MaximumTokensName, defaults.MaximumTokens),
            MaximumGradientNorm = Number(root, MaximumGradientNormName, defaults.MaximumGradientNorm),
            WeightDecay = Number(root, WeightDecayName, defaults.WeightDecay),
            Beta1 = Number(root, Beta1Name, defaults.Beta1),
            Beta2 = Number(root, Beta2Name, defaults.Beta2),
            Epsilon = Number(root, EpsilonName, defaults.Epsilon),
            Epochs = Integer(root, EpochsName, defaults.Epochs),
            Seed = Unsigned(root, SeedName, defaults.Seed),
            UseDora = Boolean(root, DoraName, defaults.UseDora),
            TrainBiases = Boolean(root, BiasesName, defaults.TrainBiases),
            Overrides = [.. Pattern(root, RankPatternName, Rank), .. Pattern(root, AlphaPatternName, Alpha)],
            Dropout = Number(root, DropoutName, defaults.Dropout),
            LoraPlusRatio = Number(root, LoraPlusRatioName, defaults.LoraPlusRatio),
            Schedule = Schedule(root, defaults.Schedule),
            ValidationShare = Number(root, ValidationShareName, defaults.ValidationShare),
            ValidationInterval = Integer(root, ValidationIntervalName, defaults.ValidationInterval),
            Patience = Integer(root, PatienceName, defaults.Patience),
            DifferentialPrivacy = DifferentialPrivacyJson.Read(root),
        };

        LoraOverride Rank(int? layer, LinearModule module, JsonElement pattern, string key) => new(layer, module, Rank: Integer(pattern, key, 0));

        LoraOverride Alpha(int? layer, LinearModule module, JsonElement pattern, string key) => new(layer, module, Alpha: (float)Number(pattern, key, 0));
    }

    private static List<LoraOverride> Pattern(JsonElement root, string name, Func<int?, LinearModule, JsonElement, string, LoraOverride> create)
    {
        if (!root.TryGetProperty(name, out var pattern))
        {
            return [];
        }

        if (pattern.ValueKind != JsonValueKind.Object)
        {
            throw new RecipeException(name, "must be an object of linear maps and numbers, such as {\"q_proj\": 16}");
        }

        var entries = new List<LoraOverride>();
        foreach (var property in pattern.EnumerateObject())
        {
            entries.Add(AdapterPatterns.TryParse(property.Name, out var layer, out var module)
                ? create(layer, module, pattern, property.Name)
                : throw new RecipeException(name, "must name linear maps, such as q_proj or layers.0.self_attn.q_proj"));
        }

        return entries;
    }

    private static ScheduleKind Schedule(JsonElement root, ScheduleKind otherwise)
    {
        if (!root.TryGetProperty(ScheduleName, out var value))
        {
            return otherwise;
        }

        var index = value.ValueKind == JsonValueKind.String ? Array.IndexOf(ScheduleNames, value.GetString()) : -1;
        return index >= 0 ? (ScheduleKind)index : throw new RecipeException(ScheduleName, $"must be one of {string.Join(", ", ScheduleNames)}");
    }

    private static int Integer(JsonElement root, string name, int otherwise)
    {
        if (!root.TryGetProperty(name, out var value))
        {
            return otherwise;
        }

        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number)
            ? number
            : throw new RecipeException(name, "must be a whole number of 32 bits");
    }

    private static ulong Unsigned(JsonElement root, string name, ulong otherwise)
    {
        if (!root.TryGetProperty(name, out var value))
        {
            return otherwise;
        }

        return value.ValueKind == JsonValueKind.Number && value.TryGetUInt64(out var number)
            ? number
            : throw new RecipeException(name, "must be a whole number from 0 to 2^64 - 1");
    }

    private static double Number(JsonElement root, string name, double otherwise)
    {
        if (!root.TryGetProperty(name, out var value))
        {
            return otherwise;
        }

        return value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && double.IsFinite(number)
            ? number
            : throw new RecipeException(name, "must be a finite number");
    }

    private static bool Boolean(JsonElement root, string name, bool otherwise)
    {
        if (!root.TryGetProperty(name, out var value))
        {
            return otherwise;
        }

        return value.ValueKind is JsonValueKind.True or JsonValueKind.False
            ? value.GetBoolean()
            : throw new RecipeException(name, "must be true or false");
    }

    private static IReadOnlyList<LinearModule> Modules(JsonElement root, IReadOnlyList<LinearModule> otherwise)
    {
        if (!root.TryGetProperty(TargetsName, out var value))
        {
            return otherwise;
        }

        if (value.ValueKind != JsonValueKind.Array)
        {
            throw new RecipeException(TargetsName, $"must be an array out of {string.Join(", ", ModuleNames)}");
        }

        var modules = new List<LinearModule>();
        foreach (var item in value.EnumerateArray())
        {
            var index = item.ValueKind == JsonValueKind.String ? Array.IndexOf(ModuleNames, item.GetString()) : -1;
            if (index < 0)
            {
                throw new RecipeException($"{TargetsName}[{modules.Count}]", $"must be one of {string.Join(", ", ModuleNames)}");
            }

            modules.Add((LinearModule)index);
        }

        return modules;
    }
}
