using System.CommandLine;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Personalize.Cli.Hosting;
using Personalize.Cli.Models;
using Personalize.Training;

namespace Personalize.Cli.Options;

/// <summary><c>--recipe FILE.json|peft</c>.</summary>
internal static class RecipeOption
{
    /// <summary>The protocol that the figures of PEFT were measured with, which is also the default.</summary>
    public const string Peft = "peft";

    public static Option<string> Create() => new("--recipe")
    {
        Description = "What decides the adapter: a JSON file with the settings to change, or peft for the standard protocol",
        HelpName = "FILE.json|peft",
        DefaultValueFactory = _ => Peft,
    };

    /// <summary>Reads the recipe; <c>--seed</c> has the last word on its seed.</summary>
    /// <exception cref="InputFileException">The file is missing or is not JSON.</exception>
    /// <exception cref="Core.Errors.RecipeException">A setting is unknown or out of range.</exception>
    public static LoraRecipe Read(CommandContext context, string value)
    {
        var json = value == Peft ? Encoding.UTF8.GetString(new LoraRecipe().ToJson()) : TextFile.Read(value);
        if (context.Seed is { } seed)
        {
            json = WithSeed(value, json, seed);
        }

        var recipe = LoraRecipe.FromJson(Encoding.UTF8.GetBytes(json));
        recipe.Validate();
        return recipe;
    }

    private static string WithSeed(string path, string json, long seed)
    {
        try
        {
            if (JsonNode.Parse(json) is JsonObject settings)
            {
                settings["seed"] = seed;
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
