using System.Globalization;
using System.Text;

namespace Personalize.Core.Tokenization;

/// <summary>The classes of characters that pre-tokenizers tell apart.</summary>
internal enum TextClass
{
    /// <summary>Neither of the others: punctuation, symbols, marks, controls.</summary>
    Other,

    /// <summary><c>\p{L}</c>.</summary>
    Letter,

    /// <summary><c>\p{N}</c>, fractions and letters of numbers included.</summary>
    Number,

    /// <summary><c>\s</c>: Unicode's White_Space.</summary>
    Whitespace,
}

/// <summary>Classifies text by code point: an astral letter or digit is one character, as in the regular expressions of the reference tokenizers.</summary>
internal static class TextClasses
{
    /// <summary>The class of the first character.</summary>
    /// <param name="text">A text, not empty.</param>
    /// <param name="length">How many UTF-16 units the character has.</param>
    public static TextClass Classify(ReadOnlySpan<char> text, out int length)
    {
        var first = text[0];
        length = 1;
        if (first < 128)
        {
            return char.IsAsciiLetter(first) ? TextClass.Letter
                : char.IsAsciiDigit(first) ? TextClass.Number
                : first is ' ' or (>= '\t' and <= '\r') ? TextClass.Whitespace
                : TextClass.Other;
        }

        // A lone surrogate decodes to U+FFFD of one unit, which is what it is encoded as later.
        Rune.DecodeFromUtf16(text, out var rune, out length);
        return Rune.GetUnicodeCategory(rune) switch
        {
            UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter => TextClass.Letter,
            UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => TextClass.Number,
            _ => Rune.IsWhiteSpace(rune) ? TextClass.Whitespace : TextClass.Other,
        };
    }

    /// <summary>How many UTF-16 units from a position on are of one class.</summary>
    public static int RunLength(ReadOnlySpan<char> text, int start, TextClass kind)
    {
        var position = start;
        while (position < text.Length && Classify(text[position..], out var length) == kind)
        {
            position += length;
        }

        return position - start;
    }
}
