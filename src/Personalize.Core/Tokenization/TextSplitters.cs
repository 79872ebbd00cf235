using Personalize.Core.Errors;

namespace Personalize.Core.Tokenization;

/// <summary>The pre-tokenizers that are implemented, by GGUF's names.</summary>
internal static class TextSplitters
{
    private static readonly string[] Names = ["gpt-2", "smollm", "llama-bpe", "qwen2"];

    /// <exception cref="UnsupportedModelException">The pre-tokenizer is not implemented.</exception>
    public static ITextSplitter Create(string preTokenizer) => preTokenizer switch
    {
        "gpt-2" => new Gpt2Splitter(singleNumbers: false),
        "smollm" => new Gpt2Splitter(singleNumbers: true),
        "llama-bpe" => new Llama3Splitter(maximumNumbers: 3),
        "qwen2" => new Llama3Splitter(maximumNumbers: 1),
        _ => throw new UnsupportedModelException("tokenizer.ggml.pre", preTokenizer, Names),
    };
}
