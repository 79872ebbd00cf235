using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Personalize.Inference.Chat.Schemas;

/// <summary>The one spelling in which a fixed value is written: no white space, only the escapes that are needed, and <c>\u</c> for characters that a vocabulary cannot spell.</summary>
internal static class JsonText
{
    /// <summary>The bytes of a string with its quotes. Lone surrogates become U+FFFD.</summary>
    public static byte[] Quote(string text, SpellableBytes bytes)
    {
        var result = new StringBuilder("\"");
        foreach (var rune in text.EnumerateRunes())
        {
            Append(result, rune, bytes);
        }

        return Encoding.UTF8.GetBytes(result.Append('"').ToString());
    }

    /// <summary>The bytes of any value; numbers as they stand in the schema.</summary>
    public static byte[] Write(JsonElement value, SpellableBytes bytes)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.String:
                return Quote(value.GetString()!, bytes);
            case JsonValueKind.Array:
                return Join('[', value.EnumerateArray().Select(item => Write(item, bytes)), ']');
            case JsonValueKind.Object:
                return Join('{', value.EnumerateObject().Select(member => (byte[])[.. Quote(member.Name, bytes), (byte)':', .. Write(member.Value, bytes)]), '}');
            default:
                return Encoding.UTF8.GetBytes(value.GetRawText());
        }
    }

    private static byte[] Join(char open, IEnumerable<byte[]> parts, char close)
    {
        var result = new List<byte> { (byte)open };
        foreach (var part in parts)
        {
            if (result.Count > 1)
            {
                result.Add((byte)',');
            }

            result.AddRange(part);
        }

        result.Add((byte)close);
        return [.. result];
    }

    private static void Append(StringBuilder result, Rune rune, SpellableBytes bytes)
    {
        if (rune.Value is '"' or '\\')
        {
            result.Append('\\').Append((char)rune.Value);
            return;
        }

        Span<byte> encoded = stackalloc byte[4];
        if (rune.Value >= 0x20 && bytes.HaveAll(encoded[..rune.EncodeToUtf8(encoded)]))
        {
            result.Append(rune.ToString());
            return;
        }

        foreach (var unit in rune.ToString())
        {
            result.Append(CultureInfo.InvariantCulture, $"\\u{(int)unit:x4}");
        }
    }
}
