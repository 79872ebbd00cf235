namespace Personalize.Cli.Benchmarks;

/// <summary>Tokens without a pattern, the same in every run: what a token is does not change what it costs.</summary>
internal static class SyntheticTokens
{
    // The first tokens of vocabularies are marks.
    private const int First = 17;

    public static int At(int i, int vocabulary) => First + (int)(i * 7919L % (vocabulary - First));

    public static int[] Take(int count, int vocabulary) => [.. Enumerable.Range(0, count).Select(i => At(i, vocabulary))];
}
