using System.Globalization;
using System.Text.Json;

namespace Personalize.Core.Adapters;

/// <summary>
/// The keys of PEFT's <c>rank_pattern</c> and <c>alpha_pattern</c>. There they are regular expressions that a module's name ends with; taken here are those that name maps plainly:
/// <c>q_proj</c>, <c>self_attn.q_proj</c>, <c>layers.3.self_attn.q_proj</c>, <c>model.layers.3.self_attn.q_proj</c>, each with or without a leading <c>^</c> where it is the whole name.
/// </summary>
public static class AdapterPatterns
{
    private const string Layers = "layers.";
    private const string Model = "model.";

    /// <summary>The key of an entry, as short as it can be.</summary>
    /// <param name="entry">The entry.</param>
    /// <returns><c>q_proj</c>, or <c>layers.3.self_attn.q_proj</c> for one layer.</returns>
    public static string KeyOf(LoraOverride entry) => entry.Layer is { } layer
        ? string.Create(CultureInfo.InvariantCulture, $"{Layers}{layer}.{AdapterModules.PeftName(entry.Module)}")
        : AdapterModules.TargetName(entry.Module);

    /// <summary>Reads a key.</summary>
    /// <param name="key">The key.</param>
    /// <param name="layer">The layer it is for, or null for all.</param>
    /// <param name="module">The linear map it is for.</param>
    /// <returns>Whether it names maps plainly.</returns>
    public static bool TryParse(string key, out int? layer, out LinearModule module)
    {
        ArgumentNullException.ThrowIfNull(key);
        layer = null;
        if (AdapterModules.TryParseTarget(key, out module) || AdapterModules.TryParsePeft(key, out module))
        {
            return true;
        }

        var rest = key.StartsWith("^model.layers.", StringComparison.Ordinal) ? key[1..] : key;
        rest = rest.StartsWith(Model + Layers, StringComparison.Ordinal) ? rest[Model.Length..] : rest;
        var dot = rest.StartsWith(Layers, StringComparison.Ordinal) ? rest.IndexOf('.', Layers.Length) : -1;
        if (dot < 0 || !int.TryParse(rest.AsSpan(Layers.Length, dot - Layers.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var number) || !AdapterModules.TryParsePeft(rest[(dot + 1)..], out module))
        {
            return false;
        }

        layer = number;
        return true;
    }

    /// <summary>Writes the entries that have a value, as an object of keys and numbers; of several for one key the first, which decides.</summary>
    /// <typeparam name="T">The kind of number.</typeparam>
    /// <param name="json">The writer, within an object.</param>
    /// <param name="name">The name of the new object.</param>
    /// <param name="entries">The entries in order.</param>
    /// <param name="valueOf">An entry's number, or null if it has none.</param>
    public static void Write<T>(Utf8JsonWriter json, string name, IReadOnlyList<LoraOverride> entries, Func<LoraOverride, T?> valueOf)
        where T : struct, IConvertible
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentNullException.ThrowIfNull(entries);
        ArgumentNullException.ThrowIfNull(valueOf);
        json.WriteStartObject(name);
        var written = new HashSet<string>(StringComparer.Ordinal);
        foreach (var entry in entries)
        {
            if (valueOf(entry) is { } value && written.Add(KeyOf(entry)))
            {
                json.WritePropertyName(KeyOf(entry));
                if (value is int number)
                {
                    json.WriteNumberValue(number);
                }
                else
                {
                    json.WriteNumberValue(value.ToSingle(CultureInfo.InvariantCulture));
                }
            }
        }

        json.WriteEndObject();
    }
}
