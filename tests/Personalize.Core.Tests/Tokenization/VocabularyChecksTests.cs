using Personalize.Core.Errors;
using Personalize.Core.Tokenization;

namespace Personalize.Core.Tests.Tokenization;

/// <summary>Vocabularies that contradict themselves are refused by name of what is wrong.</summary>
public class VocabularyChecksTests
{
    [Theory]
    [InlineData("llama", "default", "tokenizer.ggml.model")]
    [InlineData("bert", "smollm", "tokenizer.ggml.model")]
    [InlineData("gpt2", "deepseek-coder", "tokenizer.ggml.pre")]
    public void OtherKinds_AreUnsupported(string model, string preTokenizer, string feature)
    {
        var error = Assert.Throws<UnsupportedModelException>(() => new BytePairTokenizer(TinyVocabulary.Define(preTokenizer, model)));
        Assert.Equal(feature, error.Feature);
        Assert.NotEmpty(error.Supported);
    }

    [Fact]
    public void UnsupportedValues_AreShortenedInTheMessage()
    {
        var error = Assert.Throws<UnsupportedModelException>(() => new BytePairTokenizer(TinyVocabulary.Define(new string('x', 100_000))));
        Assert.True(error.Message.Length < 400);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(412)]
    [InlineData(int.MaxValue)]
    public void Ids_HaveToBeInTheVocabulary(int id)
    {
        AssertRefused("tokenizer.ggml.bos_token_id", null, TinyVocabulary.Define(beginning: id));
        AssertRefused("tokenizer.ggml.eos_token_id", null, TinyVocabulary.Define(end: id));
        AssertRefused("tokenizer.ggml.eot_token_id", null, TinyVocabulary.Define(endOfTurn: id));
    }

    [Fact]
    public void OrdinaryText_CannotEndATurn()
    {
        var letter = Array.IndexOf(TinyVocabulary.Tokens, "x");
        AssertRefused("tokenizer.ggml.eos_token_id", null, TinyVocabulary.Define(end: letter));
        var merged = Array.IndexOf(TinyVocabulary.Tokens, "he");
        AssertRefused("tokenizer.ggml.eot_token_id", null, TinyVocabulary.Define(endOfTurn: merged));
    }

    [Fact]
    public void Tokens_AreDistinct()
    {
        var tokens = TinyVocabulary.Tokens;
        tokens[300] = tokens[200];
        AssertRefused("tokenizer.ggml.tokens", 300, TinyVocabulary.Define(tokens: tokens));
    }

    [Theory]
    [InlineData("a")]
    [InlineData("Ġ")]
    [InlineData("Ċ")]
    public void BytesOfPlainText_HaveTokens(string token)
    {
        var tokens = TinyVocabulary.Tokens;
        tokens[Array.IndexOf(tokens, token)] = "gone-gone";
        AssertRefused("tokenizer.ggml.tokens", null, TinyVocabulary.Define(tokens: tokens, merges: []));
    }

    [Fact]
    public void Types_AreOneAToken()
    {
        AssertRefused("tokenizer.ggml.token_type", null, TinyVocabulary.Define(types: TinyVocabulary.Types[1..]));
        var types = TinyVocabulary.Types;
        types[7] = (TokenType)9;
        AssertRefused("tokenizer.ggml.token_type", 7, TinyVocabulary.Define(types: types));
    }

    [Fact]
    public void SpecialTokens_AreNotEmpty()
    {
        var tokens = TinyVocabulary.Tokens;
        tokens[0] = "";
        AssertRefused("tokenizer.ggml.tokens", 0, TinyVocabulary.Define(tokens: tokens));
    }

    [Theory]
    [InlineData("")]
    [InlineData("the")]
    [InlineData(" the")]
    [InlineData("the ")]
    [InlineData("t h e")]
    [InlineData("t zzz")]
    [InlineData("zzz t")]
    [InlineData("z q")]
    public void Merges_NameTwoTokensAndMakeAThird(string merge)
    {
        var merges = TinyVocabulary.Merges;
        merges[5] = merge;
        AssertRefused("tokenizer.ggml.merges", 5, TinyVocabulary.Define(merges: merges));
    }

    [Fact]
    public void Merges_DoNotRepeat()
    {
        var merges = TinyVocabulary.Merges;
        merges[9] = merges[3];
        AssertRefused("tokenizer.ggml.merges", 9, TinyVocabulary.Define(merges: merges));
    }

    [Fact]
    public void Merges_CannotSpellASpecialToken()
    {
        var types = TinyVocabulary.Types;
        types[Array.IndexOf(TinyVocabulary.Tokens, "he")] = TokenType.Control;
        AssertRefused("tokenizer.ggml.merges", 0, TinyVocabulary.Define(types: types));
    }

    private static void AssertRefused(string key, long? index, TokenizerDefinition definition)
    {
        var error = Assert.Throws<TokenizerException>(() => new BytePairTokenizer(definition));
        Assert.Equal((key, index), (error.Key, error.Index));
    }
}
