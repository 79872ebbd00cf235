using System.Text.Json;
using Personalize.Core.Errors;

namespace Personalize.Training.Privacy;

/// <summary>The JSON form: an object <c>differentialPrivacy</c> in a recipe, or null for none.</summary>
internal static class DifferentialPrivacyJson
{
    public const string Name = "differentialPrivacy";
    public const string MaximumExampleNormName = "maximumExampleNorm";

    /// <summary>Reads the setting out of a recipe; null where it is absent or null.</summary>
    /// <exception cref="RecipeException">It is not such an object, or one of its settings is missing, unknown or of the wrong kind.</exception>
    public static DifferentialPrivacy? Read(JsonElement recipe)
    {
        if (!recipe.TryGetProperty(Name, out var element) || element.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        if (element.ValueKind != JsonValueKind.Object || element.EnumerateObject().Any(p => p.Name is not (PrivacyParameters.EpsilonName or PrivacyParameters.DeltaName or MaximumExampleNormName)))
        {
            throw new RecipeException(Name, $"must be an object of {PrivacyParameters.EpsilonName}, {PrivacyParameters.DeltaName} and {MaximumExampleNormName}");
        }

        var epsilon = Number(element, PrivacyParameters.EpsilonName) ?? throw new RecipeException($"{Name}.{PrivacyParameters.EpsilonName}", PrivacyParameters.EpsilonRequirement);
        var defaults = new DifferentialPrivacy { Epsilon = epsilon };
        return new DifferentialPrivacy
        {
            Epsilon = epsilon,
            Delta = Number(element, PrivacyParameters.DeltaName) ?? defaults.Delta,
            MaximumExampleNorm = Number(element, MaximumExampleNormName) ?? defaults.MaximumExampleNorm,
        };
    }

    /// <summary>Writes the setting, unless there is none.</summary>
    public static void Write(Utf8JsonWriter writer, DifferentialPrivacy? privacy)
    {
        if (privacy is null)
        {
            return;
        }

        writer.WriteStartObject(Name);
        writer.WriteNumber(PrivacyParameters.EpsilonName, privacy.Epsilon);
        writer.WriteNumber(PrivacyParameters.DeltaName, privacy.Delta);
        writer.WriteNumber(MaximumExampleNormName, privacy.MaximumExampleNorm);
        writer.WriteEndObject();
    }

    private static double? Number(JsonElement element, string name)
    {
        if (!element.TryGetProperty(name, out var value))
        {
            return null;
        }

        return value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && double.IsFinite(number)
            ? number
            : throw new RecipeException($"{Name}.{name}", "must be a finite number");
    }
}
