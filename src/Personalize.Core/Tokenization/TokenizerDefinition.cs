namespace Personalize.Core.Tokenization;

/// <summary>What a model file says about its tokenizer, before any of it is checked. Keys are those of GGUF.</summary>
public sealed class TokenizerDefinition
{
    /// <summary><c>tokenizer.ggml.model</c>: <c>gpt2</c> is byte-level byte-pair encoding.</summary>
    public required string Model { get; init; }

    /// <summary><c>tokenizer.ggml.pre</c>: how text is cut into pieces before the merges run.</summary>
    public required string PreTokenizer { get; init; }

    /// <summary><c>tokenizer.ggml.tokens</c>: the tokens by id, ordinary ones written in GPT-2's byte alphabet.</summary>
    public required IReadOnlyList<string> Tokens { get; init; }

    /// <summary><c>tokenizer.ggml.merges</c>: pairs of tokens, separated by a space, strongest first.</summary>
    public required IReadOnlyList<string> Merges { get; init; }

    /// <summary><c>tokenizer.ggml.token_type</c>, one an id; null means that all are normal.</summary>
    public IReadOnlyList<TokenType>? TokenTypes { get; init; }

    /// <summary><c>tokenizer.ggml.bos_token_id</c>.</summary>
    public int? BeginningOfText { get; init; }

    /// <summary><c>tokenizer.ggml.eos_token_id</c>.</summary>
    public int? EndOfText { get; init; }

    /// <summary><c>tokenizer.ggml.eot_token_id</c>; where it is null the tokenizer looks for a token known to end turns.</summary>
    public int? EndOfTurn { get; init; }

    /// <summary><c>tokenizer.ggml.add_bos_token</c>: whether a bare text starts with <see cref="BeginningOfText"/>.</summary>
    public bool PrependsBeginningOfText { get; init; }
}
