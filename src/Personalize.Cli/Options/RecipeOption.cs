using System.CommandLine;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Personalize.Cli.Hosting;
using Personalize.Cli.Models;
using Personalize.Training;
using Personalize.Training.Privacy;

namespace Personalize.Cli.Options;

/// <summary><c>--recipe FILE.json|default|peft</c>.</summary>
internal static class RecipeOption
{
    /// <summary>The protocol that the figures of PEFT were measured with.</summary>
    private const string Peft = "peft";

    /// <summary>What was found to be better.</summary>
    private const string Default = "default";

    public static Option<string> Create() => new("--recipe")
    {
        Description = "What decides the adapter: a JSON file with the settings in which it differs from the standard protocol, peft for that protocol itself, or default for it with a second pass",
        HelpName = "FILE.json|default|peft",
        DefaultValueFactory = _ => Default,
    };

    /// <summary>Reads the recipe; <c>--seed</c> and <c>--epsilon</c> have the last word on its seed and its guarantee.</summary>
    /// <exception cref="InputFileException">The file is missing or is not JSON.</exception>
    /// <exception cref="Core.Errors.RecipeException">A setting is unknown or out of range.</exception>
    public static LoraRecipe Read(CommandContext context, string value, PrivacyBudget? privacy = null)
    {
        var json = value switch
        {
            Peft => Encoding.UTF8.GetString(LoraRecipe.Protocol.ToJson()),
            Default => Encoding.UTF8.GetString(LoraRecipe.Default.ToJson()),
            _ => TextFile.Read(value),
        };
        if (context.Seed is { } seed)
        {
            json = With(value, json, settings => settings["seed"] = seed);
        }

        if (privacy is not null)
        {
            json = With(value, json, settings =>
            {
                // What the recipe says besides, like the norm of an example, stays.
                var guarantee = settings["differentialPrivacy"] as JsonObject ?? [];
                guarantee["epsilon"] = privacy.Epsilon;
                guarantee["delta"] = privacy.Delta;
                settings["differentialPrivacy"] = guarantee;
            });
        }

        var recipe = LoraRecipe.FromJson(Encoding.UTF8.GetBytes(json));
        recipe.Validate();
        return recipe;
    }

    /// <summary>What the record of an adapter calls its recipe: what was asked for, a file without folder and ending.</summary>
    public static string NameOf(string value) => Path.GetFileNameWithoutExtension(value);

    private static string With(string path, string json, Action<JsonObject> change)
    {
        try
        {
            if (JsonNode.Parse(json) is JsonObject settings)
            {
                change(settings);
                return settings.ToJsonString();
            }
        }
        catch (Exception exception) when (exception is JsonException or ArgumentException)
        {
            throw new InputFileException(path, "the recipe is not a JSON object: correct the file", innerException: exception);
        }

        return json;
    }
}
