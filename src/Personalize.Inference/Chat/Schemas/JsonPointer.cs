using System.Globalization;
using System.Text.Json;

namespace Personalize.Inference.Chat.Schemas;

/// <summary>JSON pointers in the form of URI fragments (RFC 6901, section 6).</summary>
internal static class JsonPointer
{
    /// <summary>Follows a pointer such as <c>#/$defs/name</c>.</summary>
    /// <returns>What it leads to, or null where it leads nowhere or is no such pointer.</returns>
    public static JsonElement? Find(JsonElement document, string pointer)
    {
        var steps = pointer.Split('/');
        if (steps[0] != "#")
        {
            return null;
        }

        var element = document;
        foreach (var step in steps.Skip(1))
        {
            var name = Uri.UnescapeDataString(step).Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            if (Child(element, name) is not { } child)
            {
                return null;
            }

            element = child;
        }

        return element;
    }

    private static JsonElement? Child(JsonElement element, string name) => element.ValueKind switch
    {
        JsonValueKind.Object when element.TryGetProperty(name, out var member) => member,
        JsonValueKind.Array when int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index < element.GetArrayLength() => element[index],
        _ => null,
    };
}
