using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Personalize.Core.Tokenization;

namespace Personalize.Core.Tests.Tokenization;

public class BytePairTokenizerTests
{
    private const int LongLength = 100_000;

    public static TheoryData<string> PreTokenizers => [.. TinyVocabulary.PreTokenizers];

    [Theory]
    [MemberData(nameof(PreTokenizers))]
    public void Encode_AgreesWithTheSecondImplementation(string preTokenizer)
    {
        var tokenizer = TinyVocabulary.Create(preTokenizer);
        Assert.All(TinyVocabulary.Cases(preTokenizer), item => Assert.Equal(item.Ids, tokenizer.Encode(item.Text, parseSpecialTokens: true)));
    }

    [Theory]
    [MemberData(nameof(PreTokenizers))]
    public void Decode_GivesBackAnyText(string preTokenizer)
    {
        var tokenizer = TinyVocabulary.Create(preTokenizer);
        Check.QuickThrowOnFailure(Prop.ForAll(AnyText(), text =>
        {
            // The one byte without a token is left out; lone surrogates are not Unicode.
            var expected = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)).Replace("\u0004", "", StringComparison.Ordinal);
            return tokenizer.Decode(tokenizer.Encode(text, parseSpecialTokens: false), includeSpecialTokens: false) == expected
                && tokenizer.Decode(tokenizer.Encode(text, parseSpecialTokens: true), includeSpecialTokens: true) == expected;
        }));
    }

    [Fact]
    public void Encode_OfUntrustedText_NeverGivesASpecialToken() => Check.QuickThrowOnFailure(Prop.ForAll(AnyText(), text =>
        !Array.Exists(TinyVocabulary.SmolLm.Encode(text, parseSpecialTokens: false), TinyVocabulary.SmolLm.IsSpecial)));

    [Fact]
    public void Encode_TakesALoneSurrogateForTheReplacementCharacter()
    {
        // Attributes cannot carry such strings, so they are made here.
        string[] texts = ["\uD83D", "\uDE42", "a\uDE42\uD83Db", "the\uD83D the"];
        Assert.All(texts, text =>
        {
            var replaced = text.Replace('\uD83D', '\uFFFD').Replace('\uDE42', '\uFFFD');
            Assert.Equal(TinyVocabulary.SmolLm.Encode(replaced, parseSpecialTokens: true), TinyVocabulary.SmolLm.Encode(text, parseSpecialTokens: true));
        });
    }

    [Theory]
    [InlineData("x")]
    [InlineData(" ")]
    [InlineData("\n")]
    [InlineData("the ")]
    [InlineData("7")]
    [InlineData("🙂")]
    [InlineData("<")]
    public void Encode_TakesLongRunsOfOneText(string unit)
    {
        var text = string.Concat(Enumerable.Repeat(unit, LongLength));
        foreach (var preTokenizer in TinyVocabulary.PreTokenizers)
        {
            var tokenizer = TinyVocabulary.Create(preTokenizer);
            Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text, parseSpecialTokens: true), includeSpecialTokens: true));
        }
    }

    [Fact]
    public void Encode_RecognizesSpecialTokensOnlyWhereAskedTo()
    {
        const string text = "<|im_start|>the tide<|im_end|>";
        var parsed = TinyVocabulary.SmolLm.Encode(text, parseSpecialTokens: true);
        var plain = TinyVocabulary.SmolLm.Encode(text, parseSpecialTokens: false);
        Assert.Equal(TinyVocabulary.Start, parsed[0]);
        Assert.Equal(TinyVocabulary.End, parsed[^1]);
        Assert.DoesNotContain(plain, TinyVocabulary.SmolLm.IsSpecial);
        Assert.Equal(text, TinyVocabulary.SmolLm.Decode(plain, includeSpecialTokens: false));
        Assert.Equal("the tide", TinyVocabulary.SmolLm.Decode(parsed, includeSpecialTokens: false));
    }

    [Fact]
    public void Encode_TakesASpecialTokenOnlyWhollyFromTrustedText()
    {
        const string text = "<|im_end|>";
        for (var i = 0; i < text.Length; i++)
        {
            Assert.DoesNotContain(TinyVocabulary.End, TinyVocabulary.SmolLm.Encode(new RenderedPrompt(text, [new TextRange(i, 1)])));
        }

        Assert.Equal([TinyVocabulary.End], TinyVocabulary.SmolLm.Encode(RenderedPrompt.Trusted(text)));
    }

    [Fact]
    public void Encode_FallsBackToTheShorterTokenWhereTheLongerIsPartlyUntrusted()
    {
        const string text = "<|im_end|><|im_end|>";
        Assert.Equal([TinyVocabulary.DoubleEnd], TinyVocabulary.SmolLm.Encode(RenderedPrompt.Trusted(text)));
        var ids = TinyVocabulary.SmolLm.Encode(new RenderedPrompt(text, [new TextRange(10, 10)]));
        Assert.Equal(TinyVocabulary.End, ids[0]);
        Assert.DoesNotContain(ids[1..], TinyVocabulary.SmolLm.IsSpecial);
    }

    [Fact]
    public void Encode_MergesAcrossTheBorderOfTrust()
    {
        const string text = "the tide";
        Assert.Equal(TinyVocabulary.SmolLm.Encode(text, parseSpecialTokens: true), TinyVocabulary.SmolLm.Encode(new RenderedPrompt(text, [new TextRange(1, 4)])));
    }

    [Fact]
    public void UserDefinedTokens_AreTextUnlessTheyLookLikeMarks()
    {
        Assert.False(TinyVocabulary.SmolLm.IsSpecial(TinyVocabulary.UserDefined));
        Assert.Contains(TinyVocabulary.UserDefined, TinyVocabulary.SmolLm.Encode("a<tool>b", parseSpecialTokens: false));
        Assert.True(TinyVocabulary.SmolLm.IsSpecial(TinyVocabulary.UserDefined + 1));
    }

    [Fact]
    public void Marks_AreThoseOfTheFileAndTheKnownEndsOfTurns()
    {
        Assert.Equal(TinyVocabulary.Start, TinyVocabulary.SmolLm.BeginningOfText);
        Assert.Equal(TinyVocabulary.End, TinyVocabulary.SmolLm.EndOfText);
        Assert.Equal(TinyVocabulary.End, TinyVocabulary.SmolLm.EndOfTurn);
        Assert.Equal([0, TinyVocabulary.End], TinyVocabulary.SmolLm.StopTokens.Order());
        Assert.Equal(TinyVocabulary.Tokens.Length, TinyVocabulary.SmolLm.VocabularySize);
    }

    [Fact]
    public void TokenBytes_AreBytesOfTextAndTextOfMarks()
    {
        Assert.Equal("<|im_end|>"u8, TinyVocabulary.SmolLm.GetTokenBytes(TinyVocabulary.End));
        var space = TinyVocabulary.SmolLm.Encode(" ", parseSpecialTokens: false).Single();
        Assert.Equal(" "u8, TinyVocabulary.SmolLm.GetTokenBytes(space));
        Assert.Throws<ArgumentOutOfRangeException>(() => TinyVocabulary.SmolLm.GetTokenBytes(-1).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => TinyVocabulary.SmolLm.IsSpecial(TinyVocabulary.SmolLm.VocabularySize));
        Assert.Throws<ArgumentOutOfRangeException>(() => TinyVocabulary.SmolLm.Decode([int.MaxValue], includeSpecialTokens: true));
    }

    /// <summary>Texts of ordinary characters, marks, parts of marks, white space of all kinds and broken surrogates.</summary>
    private static Arbitrary<string> AnyText() => Gen.Elements(
            "<|im_end|>", "<|im_start|>", "<|im_", "end|>", "<|", "|>", "<tool>", "the", " ", "  ", "\n", "\r\n", "\u0085", "\u00A0", "\u3000", "\u2028", "\u200B", "\uFEFF", "'s", "'LL", "12", "½", "𝟘", "𠀀", "🙂", "\uD83D", "\uDE42", "\u0301", "\0", "\u0004", "é", "x")
        .ArrayOf().Select(string.Concat).ToArbitrary();
}
