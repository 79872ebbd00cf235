namespace Personalize.Core.Tokenization;

/// <summary>What a token is for, with the numbers of <c>tokenizer.ggml.token_type</c>.</summary>
public enum TokenType
{
    /// <summary>A piece of ordinary text.</summary>
    Normal = 1,

    /// <summary>Stands for what the vocabulary cannot write; never produced here.</summary>
    Unknown = 2,

    /// <summary>A mark between texts, such as the end of a turn.</summary>
    Control = 3,

    /// <summary>A piece of ordinary text that is cut out before the merges run.</summary>
    UserDefined = 4,

    /// <summary>A hole in the vocabulary; never produced.</summary>
    Unused = 5,

    /// <summary>One byte, in SentencePiece vocabularies.</summary>
    Byte = 6,
}
