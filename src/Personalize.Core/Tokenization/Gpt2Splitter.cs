namespace Personalize.Core.Tokenization;

/// <summary>GPT-2's pieces: <c>'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+</c>.</summary>
/// <param name="singleNumbers">SmolLM's variant: every <c>\p{N}</c> is cut out first, and what lies between is cut on its own.</param>
internal sealed class Gpt2Splitter(bool singleNumbers) : ITextSplitter
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
        if (kind == TextClass.Whitespace)
        {
            return Whitespace(rest, length);
        }

        return singleNumbers && kind == TextClass.Number ? length : length + TextClasses.RunLength(rest, length, kind);
    }

    private static int Contraction(ReadOnlySpan<char> rest)
    {
        if (rest.Length < 2 || rest[0] != '\'')
        {
            return 0;
        }

        return rest[1] switch
        {
            's' or 't' or 'm' or 'd' => 2,
            'r' or 'v' when rest.Length > 2 && rest[2] == 'e' => 3,
            'l' when rest.Length > 2 && rest[2] == 'l' => 3,
            _ => 0,
        };
    }

    private int Whitespace(ReadOnlySpan<char> rest, int length)
    {
        var run = length + TextClasses.RunLength(rest, length, TextClass.Whitespace);
        if (run == rest.Length)
        {
            return run;
        }

        var next = TextClasses.Classify(rest[run..], out var nextLength);
        if (singleNumbers && next == TextClass.Number)
        {
            // The number was cut out first, so the text ends here for the lookahead.
            return run;
        }

        if (run == 1)
        {
            return rest[0] == ' ' ? run + nextLength + TextClasses.RunLength(rest, run + nextLength, next) : run;
        }

        // All white space is in the basic plane: the last unit of the run is its last character.
        return run - 1;
    }
}
