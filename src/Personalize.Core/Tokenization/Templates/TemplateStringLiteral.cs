using System.Globalization;
using System.Text;

namespace Personalize.Core.Tokenization.Templates;

/// <summary>Reads string literals with Python's escapes.</summary>
internal static class TemplateStringLiteral
{
    /// <summary>Reads the literal at a position and moves past it.</summary>
    public static string Read(TemplateSource source, ref int position)
    {
        var text = source.Text;
        var start = position;
        var quote = text[position++];
        var result = new StringBuilder();
        while (position < text.Length)
        {
            var character = text[position++];
            if (character == quote)
            {
                return result.ToString();
            }

            if (character == '\\' && position < text.Length)
            {
                ReadEscape(source, ref position, result);
            }
            else
            {
                result.Append(character);
            }
        }

        throw source.SyntaxError(start, "a string is not closed");
    }

    private static void ReadEscape(TemplateSource source, ref int position, StringBuilder result)
    {
        var escape = source.Text[position++];
        switch (escape)
        {
            case '\n': break;
            case '\\' or '\'' or '"': result.Append(escape); break;
            case 'a': result.Append('\a'); break;
            case 'b': result.Append('\b'); break;
            case 'f': result.Append('\f'); break;
            case 'n': result.Append('\n'); break;
            case 'r': result.Append('\r'); break;
            case 't': result.Append('\t'); break;
            case 'v': result.Append('\v'); break;
            case 'x': AppendCodePoint(source, ref position, 2, result); break;
            case 'u': AppendCodePoint(source, ref position, 4, result); break;
            case 'U': AppendCodePoint(source, ref position, 8, result); break;
            case (>= '0' and <= '7') or 'N': throw source.SyntaxError(position - 2, "octal and named escapes are not supported");
            default: result.Append('\\').Append(escape); break;
        }
    }

    private static void AppendCodePoint(TemplateSource source, ref int position, int digits, StringBuilder result)
    {
        if (position + digits > source.Text.Length || !uint.TryParse(source.Text.AsSpan(position, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value) || value > 0x10FFFF)
        {
            throw source.SyntaxError(position - 2, "a malformed escape in a string");
        }

        position += digits;
        result.Append(value <= char.MaxValue ? ((char)value).ToString() : char.ConvertFromUtf32((int)value));
    }
}
