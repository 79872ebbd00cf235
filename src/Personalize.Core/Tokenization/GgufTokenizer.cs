using Personalize.Core.Errors;
using Personalize.Core.Formats.Gguf;

namespace Personalize.Core.Tokenization;

/// <summary>Reads the tokenizer out of a GGUF file's metadata.</summary>
public static class GgufTokenizer
{
    /// <summary>Builds the tokenizer that the file describes.</summary>
    /// <param name="metadata">The metadata of a model. Not kept.</param>
    /// <returns>The tokenizer.</returns>
    /// <exception cref="ModelFormatException">A key is missing or of another type.</exception>
    /// <exception cref="UnsupportedModelException">The kind of vocabulary or the pre-tokenizer is not implemented.</exception>
    /// <exception cref="TokenizerException">Tokens, types, merges and ids contradict each other.</exception>
    public static ITokenizer Load(GgufMetadata metadata)
    {
        var model = metadata.GetString("tokenizer.ggml.model");
        var preTokenizer = metadata.TryGetString("tokenizer.ggml.pre", out var pre) ? pre : "default";
        return new BytePairTokenizer(new TokenizerDefinition
        {
            Model = model,
            PreTokenizer = preTokenizer,
            Tokens = metadata.GetStrings("tokenizer.ggml.tokens"),

            // A vocabulary of another kind has no merges: it is refused for its kind, not for the missing key.
            Merges = model == "gpt2" ? metadata.GetStrings("tokenizer.ggml.merges") : [],
            TokenTypes = metadata.Contains("tokenizer.ggml.token_type") ? Array.ConvertAll(metadata.GetInt32s("tokenizer.ggml.token_type"), type => (TokenType)type) : null,
            BeginningOfText = ReadId(metadata, "tokenizer.ggml.bos_token_id"),
            EndOfText = ReadId(metadata, "tokenizer.ggml.eos_token_id"),
            EndOfTurn = ReadId(metadata, "tokenizer.ggml.eot_token_id"),

            // Llama 3 starts every text with its mark, also in files that do not say so.
            PrependsBeginningOfText = metadata.Contains("tokenizer.ggml.add_bos_token") ? metadata.GetBoolean("tokenizer.ggml.add_bos_token") : preTokenizer == "llama-bpe",
        });
    }

    // 2^32 - 1, which some converters write for "none", becomes -1 and is refused like any id past the vocabulary.
    private static int? ReadId(GgufMetadata metadata, string key) => metadata.Contains(key) ? unchecked((int)metadata.GetUInt32(key)) : null;
}
