using Personalize.Core.Errors;
using Personalize.TestSupport;

namespace Personalize.Core.Tests.Tokenization;

/// <summary>Strings and ids of llama.cpp's vocabulary tests, <c>oracles/vocabularies</c>.</summary>
public class VocabularyOracleTests
{
    private const string Separator = "\n__ggml_vocab_test__\n";

    [SharedTheory("oracles/vocabularies")]
    [InlineData("llama-bpe")]
    [InlineData("qwen2")]
    public void Strings_EncodeToTheOracleIds(string name)
    {
        var path = $"oracles/vocabularies/ggml-vocab-{name}.gguf";
        var tokenizer = SharedTokenizers.Load(path);
        var texts = File.ReadAllText(SharedFiles.Resolve(path + ".inp")).Split(Separator);
        var expected = File.ReadAllLines(SharedFiles.Resolve(path + ".out")).Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse).ToArray()).ToArray();
        Assert.Equal(expected.Length + 1, texts.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.Equal(expected[i], tokenizer.Encode(texts[i], parseSpecialTokens: true));
            Assert.Equal(texts[i], tokenizer.Decode(expected[i], includeSpecialTokens: true));
        }
    }

    [SharedTheory("oracles/vocabularies")]
    [InlineData("llama-spm")]
    [InlineData("phi-3")]
    public void SentencePieceVocabularies_AreRefusedByName(string name)
    {
        var error = Assert.Throws<UnsupportedModelException>(() => SharedTokenizers.Load($"oracles/vocabularies/ggml-vocab-{name}.gguf"));
        Assert.Equal("tokenizer.ggml.model", error.Feature);
        Assert.Contains("SentencePiece", error.Message, StringComparison.Ordinal);
    }

    [SharedFact("oracles/vocabularies")]
    public void Llama3_KnowsItsMarks()
    {
        var tokenizer = SharedTokenizers.Load("oracles/vocabularies/ggml-vocab-llama-bpe.gguf");
        Assert.Equal(128000, tokenizer.BeginningOfText);
        Assert.Equal(128001, tokenizer.EndOfText);
        Assert.Equal(128009, tokenizer.EndOfTurn);
        Assert.True(tokenizer.PrependsBeginningOfText);
        Assert.True(tokenizer.IsSpecial(128009));
    }
}
