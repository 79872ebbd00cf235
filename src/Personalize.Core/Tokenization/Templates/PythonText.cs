using System.Globalization;
using System.Text;

namespace Personalize.Core.Tokenization.Templates;

/// <summary>What Python takes strings to be: white space by its own list, positions by code point, representations by <c>repr</c>.</summary>
internal static class PythonText
{
    /// <summary>The characters that <c>str.strip</c> removes: Unicode's White_Space and the four information separators.</summary>
    public const string Whitespace = "\t\n\v\f\r\u001C\u001D\u001E\u001F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000";

    /// <summary>The code points of a text; a lone surrogate counts as one.</summary>
    public static int Length(string text)
    {
        var count = text.Length;
        for (var i = 0; i + 1 < text.Length; i++)
        {
            if (char.IsSurrogatePair(text[i], text[i + 1]))
            {
                count--;
                i++;
            }
        }

        return count;
    }

    /// <summary>The UTF-16 positions at which code points start, with the end of the text as the last entry.</summary>
    public static int[] Offsets(string text)
    {
        var offsets = new int[Length(text) + 1];
        var position = 0;
        for (var i = 0; i < offsets.Length; i++)
        {
            offsets[i] = position;
            position += position + 1 < text.Length && char.IsSurrogatePair(text[position], text[position + 1]) ? 2 : 1;
        }

        return offsets;
    }

    /// <summary>A float as Python writes it.</summary>
    public static string Float(double value)
    {
        if (!double.IsFinite(value))
        {
            return double.IsNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
        }

        // Both write the shortest digits that read back, but go over to exponents at different sizes.
        var digits = value.ToString(CultureInfo.InvariantCulture);
        if (Math.Abs(value) >= 1e16 && !digits.Contains('E'))
        {
            var significant = digits.AsSpan().TrimStart('-');
            var exponent = significant.Length - 1;
            significant = significant.TrimEnd('0');
            return $"{(value < 0 ? "-" : "")}{significant[0]}{(significant.Length > 1 ? "." : "")}{significant[1..]}e+{exponent}";
        }

        if (digits.Contains('E') && Math.Abs(value) is >= 1 and < 1e16)
        {
            return value.ToString("F1", CultureInfo.InvariantCulture);
        }

        return digits.AsSpan().ContainsAny('.', 'E') ? digits.Replace('E', 'e') : digits + ".0";
    }

    /// <summary>A string as Python's <c>repr</c> writes it.</summary>
    public static void AppendRepresentation(StringBuilder output, string text)
    {
        var quote = text.Contains('\'') && !text.Contains('"') ? '"' : '\'';
        output.Append(quote);
        foreach (var rune in text.EnumerateRunes())
        {
            _ = rune.Value switch
            {
                '\\' => output.Append(@"\\"),
                '\n' => output.Append(@"\n"),
                '\r' => output.Append(@"\r"),
                '\t' => output.Append(@"\t"),
                var value when value == quote => output.Append('\\').Append(quote),
                _ when IsPrintable(rune) => output.Append(rune.ToString()),
                < 0x100 => output.Append(CultureInfo.InvariantCulture, $"\\x{rune.Value:x2}"),
                < 0x10000 => output.Append(CultureInfo.InvariantCulture, $"\\u{rune.Value:x4}"),
                _ => output.Append(CultureInfo.InvariantCulture, $"\\U{rune.Value:x8}"),
            };
        }

        output.Append(quote);
    }

    private static bool IsPrintable(Rune rune) => rune.Value == ' ' || Rune.GetUnicodeCategory(rune) is not
        (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned
        or UnicodeCategory.SpaceSeparator or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);
}
