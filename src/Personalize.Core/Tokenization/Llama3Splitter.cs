namespace Personalize.Core.Tokenization;

/// <summary>Llama 3's and Qwen 2's pieces: <c>(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,n}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+</c>.</summary>
/// <param name="maximumNumbers">n: 3 for Llama 3, 1 for Qwen 2.</param>
internal sealed class Llama3Splitter(int maximumNumbers) : ITextSplitter
{
    /// <inheritdoc/>
    public int NextPiece(ReadOnlySpan<char> rest)
    {
        var contraction = Contraction(rest);
        if (contraction > 0)
        {
            return contraction;
        }

        var kind = TextClasses.Classify(rest, out var length);
        if (kind == TextClass.Letter)
        {
            return length + TextClasses.RunLength(rest, length, kind);
        }

        if (kind == TextClass.Number)
        {
            return Numbers(rest, length);
        }

        if (rest[0] is not ('\r' or '\n'))
        {
            var letters = TextClasses.RunLength(rest, length, TextClass.Letter);
            if (letters > 0)
            {
                return length + letters;
            }
        }

        var marks = rest[0] == ' ' ? TextClasses.RunLength(rest, length, TextClass.Other) : 0;
        if (kind == TextClass.Other || marks > 0)
        {
            var end = kind == TextClass.Other ? length + TextClasses.RunLength(rest, length, kind) : length + marks;
            while (end < rest.Length && rest[end] is '\r' or '\n')
            {
                end++;
            }

            return end;
        }

        return Whitespace(rest);
    }

    private static int Contraction(ReadOnlySpan<char> rest)
    {
        if (rest.Length < 2 || rest[0] != '\'')
        {
            return 0;
        }

        var third = rest.Length > 2 ? (char)(rest[2] | 0x20) : '\0';
        return rest[1] switch
        {
            // U+017F, the long s, folds to s.
            's' or 'S' or '\u017F' or 't' or 'T' or 'm' or 'M' or 'd' or 'D' => 2,
            'r' or 'R' or 'v' or 'V' when third == 'e' => 3,
            'l' or 'L' when third == 'l' => 3,
            _ => 0,
        };
    }

    private static int Whitespace(ReadOnlySpan<char> rest)
    {
        var run = TextClasses.RunLength(rest, 0, TextClass.Whitespace);
        var lineEnd = rest[..run].LastIndexOfAny('\r', '\n');
        if (lineEnd >= 0)
        {
            return lineEnd + 1;
        }

        return run == rest.Length || run == 1 ? run : run - 1;
    }

    private int Numbers(ReadOnlySpan<char> rest, int length)
    {
        var end = length;
        for (var count = 1; count < maximumNumbers && end < rest.Length; count++)
        {
            if (TextClasses.Classify(rest[end..], out var next) != TextClass.Number)
            {
                break;
            }

            end += next;
        }

        return end;
    }
}
