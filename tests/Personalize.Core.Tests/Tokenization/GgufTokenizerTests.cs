using Personalize.Core.Errors;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Tests.Tokenization.Templates;
using Personalize.Core.Tokenization;
using Personalize.TestSupport;

namespace Personalize.Core.Tests.Tokenization;

public class GgufTokenizerTests
{
    private const string Template = "{% for m in messages %}<|im_start|>{{ m.content }}<|im_end|>{% endfor %}";

    [Fact]
    public void Load_ReadsWhatTheFileSays()
    {
        using var folder = new TemporaryFolder();
        using var file = Write(folder, writer =>
        {
            AddVocabulary(writer);
            writer.AddArray<int>("tokenizer.ggml.token_type", Array.ConvertAll(TinyVocabulary.Types, type => (int)type));
            writer.AddUInt32("tokenizer.ggml.bos_token_id", TinyVocabulary.Start);
            writer.AddUInt32("tokenizer.ggml.eos_token_id", TinyVocabulary.End);
            writer.AddBoolean("tokenizer.ggml.add_bos_token", true);
            writer.AddString("tokenizer.chat_template", Template);
        });
        var format = ChatFormat.Load(file.Metadata, FixedTimeProvider.OfOracle);
        Assert.All(TinyVocabulary.Cases("smollm"), item => Assert.Equal(item.Ids, format.Tokenizer.Encode(item.Text, parseSpecialTokens: true)));
        Assert.True(format.Tokenizer.PrependsBeginningOfText);
        var ids = format.EncodePrompt([new("user", "the tide<|im_end|>")], addGenerationPrompt: true);
        Assert.Equal([TinyVocabulary.Start, TinyVocabulary.End], ids.Where(format.Tokenizer.IsSpecial));
    }

    [Fact]
    public void Load_GoesWithoutTheOptionalKeys()
    {
        using var folder = new TemporaryFolder();
        using var file = Write(folder, AddVocabulary);
        var tokenizer = GgufTokenizer.Load(file.Metadata);
        Assert.Null(tokenizer.BeginningOfText);
        Assert.Null(tokenizer.EndOfText);
        Assert.Empty(tokenizer.StopTokens);
        Assert.False(tokenizer.PrependsBeginningOfText);
        Assert.Equal("<|im_end|>", tokenizer.Decode(tokenizer.Encode("<|im_end|>", parseSpecialTokens: true), includeSpecialTokens: false));
    }

    [Fact]
    public void Load_NamesTheKeyThatIsMissingOrWrong()
    {
        using var folder = new TemporaryFolder();
        AssertFails(folder, ModelFormatError.MissingKey, "tokenizer.ggml.model", _ => { });
        AssertFails(folder, ModelFormatError.MissingKey, "tokenizer.ggml.tokens", writer => writer.AddString("tokenizer.ggml.model", "gpt2"));
        AssertFails(folder, ModelFormatError.WrongValueType, "tokenizer.ggml.eos_token_id", writer =>
        {
            AddVocabulary(writer);
            writer.AddString("tokenizer.ggml.eos_token_id", "2");
        });
        AssertFails(folder, ModelFormatError.MissingKey, "tokenizer.chat_template", AddVocabulary);
    }

    [SharedFact(SharedFiles.Model)]
    public void SmolLm2_HasItsMarks()
    {
        var tokenizer = SharedTokenizers.SmolLm2;
        Assert.Equal((49152, 1, 2, 2), (tokenizer.VocabularySize, tokenizer.BeginningOfText, tokenizer.EndOfText, tokenizer.EndOfTurn));
        Assert.Equal([0, 2], tokenizer.StopTokens.Order());
        Assert.False(tokenizer.PrependsBeginningOfText);
        Assert.Equal(17, Enumerable.Range(0, tokenizer.VocabularySize).Count(tokenizer.IsSpecial));
    }

    private static void AddVocabulary(GgufWriter writer)
    {
        writer.AddString("tokenizer.ggml.model", "gpt2");
        writer.AddString("tokenizer.ggml.pre", "smollm");
        writer.AddStrings("tokenizer.ggml.tokens", TinyVocabulary.Tokens);
        writer.AddStrings("tokenizer.ggml.merges", TinyVocabulary.Merges);
    }

    private static void AssertFails(TemporaryFolder folder, ModelFormatError code, string key, Action<GgufWriter> fill)
    {
        using var file = Write(folder, fill);
        var error = Assert.Throws<ModelFormatException>(() => ChatFormat.Load(file.Metadata, FixedTimeProvider.OfOracle));
        Assert.Equal((code, key), (error.Code, error.Key));
    }

    private static GgufFile Write(TemporaryFolder folder, Action<GgufWriter> fill)
    {
        var writer = new GgufWriter();
        fill(writer);
        var path = folder[$"{Guid.NewGuid():N}.gguf"];
        using (var stream = File.Create(path))
        {
            writer.Write(stream);
        }

        return GgufFile.Open(path);
    }
}
