using FsCheck;
using FsCheck.Fluent;
using Personalize.Core.Tokenization;

namespace Personalize.Core.Tests.Tokenization;

public class StreamingDecoderTests
{
    private static readonly BytePairTokenizer Tokenizer = TinyVocabulary.SmolLm;

    [Fact]
    public void Pieces_JoinToTheWholeTextAndNeverHaveToBeTakenBack() => Check.QuickThrowOnFailure(Prop.ForAll(
        Gen.Choose(0, Tokenizer.VocabularySize - 1).ArrayOf().ToArbitrary(),
        Gen.Elements(true, false).ToArbitrary(),
        (ids, includeSpecialTokens) =>
        {
            var whole = Tokenizer.Decode(ids, includeSpecialTokens);
            var decoder = new StreamingDecoder(Tokenizer, includeSpecialTokens);
            var streamed = "";
            foreach (var id in ids)
            {
                var piece = decoder.Append(id);
                Assert.False(piece.Length > 0 && char.IsLowSurrogate(piece[0]), "a piece starts inside a character");
                streamed += piece;
                Assert.StartsWith(streamed, whole, StringComparison.Ordinal);
            }

            return streamed + decoder.Flush() == whole;
        }));

    [Fact]
    public void Characters_ComeWhole()
    {
        var ids = "🙂é"u8.ToArray().Select(value => Array.IndexOf(TinyVocabulary.Tokens, ByteAlphabet.ToSymbol(value).ToString())).ToArray();
        var decoder = new StreamingDecoder(Tokenizer, includeSpecialTokens: true);
        Assert.Equal(["", "", "", "🙂", "", "é"], ids.Select(decoder.Append));
        Assert.Equal("", decoder.Flush());
    }

    [Fact]
    public void Flush_ReplacesAnUnfinishedCharacterAndStartsAnew()
    {
        var half = Array.IndexOf(TinyVocabulary.Tokens, ByteAlphabet.ToSymbol(0xC3).ToString());
        var letter = Array.IndexOf(TinyVocabulary.Tokens, "x");
        var decoder = new StreamingDecoder(Tokenizer, includeSpecialTokens: true);
        Assert.Equal("", decoder.Append(half));
        Assert.Equal("\uFFFD", decoder.Flush());
        Assert.Equal("x", decoder.Append(letter));
        Assert.Equal("", decoder.Append(half));
        Assert.Equal("\uFFFDx", decoder.Append(letter));
    }

    [Fact]
    public void Append_RefusesIdsOutsideTheVocabulary() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new StreamingDecoder(Tokenizer, includeSpecialTokens: true).Append(Tokenizer.VocabularySize));
}
