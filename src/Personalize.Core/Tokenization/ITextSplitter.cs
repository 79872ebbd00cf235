namespace Personalize.Core.Tokenization;

/// <summary>Cuts text into the pieces that byte-pair merges stay within.</summary>
internal interface ITextSplitter
{
    /// <summary>The length of the first piece in UTF-16 units, at least one whole character. Looks at most one character past the piece and its run, so that cutting a text is linear.</summary>
    /// <param name="rest">What is left of the text, not empty.</param>
    int NextPiece(ReadOnlySpan<char> rest);
}
