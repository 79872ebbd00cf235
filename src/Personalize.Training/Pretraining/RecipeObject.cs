using System.Text.Json;
using Personalize.Core.Errors;

namespace Personalize.Training.Pretraining;

/// <summary>One object of a recipe: gives out its settings and remembers which were asked for, so that any other is refused.</summary>
internal sealed class RecipeObject
{
    private readonly JsonElement _json;
    private readonly string _prefix;
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);

    /// <exception cref="RecipeException">It is not an object.</exception>
    public RecipeObject(JsonElement json, string prefix)
    {
        Rule.Require(json.ValueKind == JsonValueKind.Object, prefix.Length == 0 ? "$" : prefix.TrimEnd('.'), "must be a JSON object");
        (_json, _prefix) = (json, prefix);
    }

    /// <summary>An object within; empty where it is left out.</summary>
    public RecipeObject Object(string name) => new(Find(name) ?? JsonElement.Parse("{}"u8), $"{_prefix}{name}.");

    public string Text(string name, string? otherwise = null)
    {
        var value = Find(name);
        if (value is null && otherwise is not null)
        {
            return otherwise;
        }

        return value is { ValueKind: JsonValueKind.String } text ? text.GetString()! : throw Wrong(name, "must be a text");
    }

    public IReadOnlyList<string> Texts(string name)
    {
        if (Find(name) is not { } value)
        {
            return [];
        }

        if (value.ValueKind != JsonValueKind.Array || value.EnumerateArray().Any(item => item.ValueKind != JsonValueKind.String))
        {
            throw Wrong(name, "must be an array of texts");
        }

        return [.. value.EnumerateArray().Select(item => item.GetString()!)];
    }

    public int Integer(string name, int otherwise)
    {
        var value = Find(name);
        if (value is null)
        {
            return otherwise;
        }

        return value is { ValueKind: JsonValueKind.Number } number && number.TryGetInt32(out var result) ? result : throw Wrong(name, "must be a whole number of 32 bits");
    }

    public ulong Unsigned(string name, ulong otherwise)
    {
        var value = Find(name);
        if (value is null)
        {
            return otherwise;
        }

        return value is { ValueKind: JsonValueKind.Number } number && number.TryGetUInt64(out var result) ? result : throw Wrong(name, "must be a whole number from 0 to 2^64 - 1");
    }

    public double Number(string name, double otherwise)
    {
        var value = Find(name);
        if (value is null)
        {
            return otherwise;
        }

        return value is { ValueKind: JsonValueKind.Number } number && number.TryGetDouble(out var result) && double.IsFinite(result) ? result : throw Wrong(name, "must be a finite number");
    }

    public bool Flag(string name, bool otherwise) => Find(name)?.ValueKind switch
    {
        null => otherwise,
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Wrong(name, "must be true or false"),
    };

    /// <exception cref="RecipeException">There is a setting that nobody asked for.</exception>
    public void RequireAllKnown()
    {
        foreach (var property in _json.EnumerateObject())
        {
            Rule.Require(
                _known.Contains(property.Name),
                _prefix.Length == 0 ? "$" : _prefix.TrimEnd('.'),
                $"holds a setting that is not known; known are {string.Join(", ", _known.Order(StringComparer.Ordinal))}");
        }
    }

    private JsonElement? Find(string name)
    {
        _known.Add(name);
        return _json.TryGetProperty(name, out var value) ? value : null;
    }

    private RecipeException Wrong(string name, string requirement) => new(_prefix + name, requirement);
}
