namespace Personalize.Core.Errors;

/// <summary>The vocabulary or the merges of a tokenizer contradict each other or themselves.</summary>
public sealed class TokenizerException : PersonalizeException
{
    /// <summary>Names the broken invariant and the entry that breaks it.</summary>
    /// <param name="key">The metadata key, for example <c>tokenizer.ggml.merges</c>.</param>
    /// <param name="index">The entry of an array, counted from 0; null where the key is a single value.</param>
    /// <param name="invariant">What should hold and does not.</param>
    public TokenizerException(string key, long? index, string invariant)
        : base($"{key}{(index is null ? "" : $"[{index}]")}: {invariant}; the model file is damaged or was converted wrongly, fetch it again")
    {
        Key = key;
        Index = index;
    }

    /// <summary>The metadata key.</summary>
    public string Key { get; }

    /// <summary>The entry of an array, counted from 0; null where the key is a single value.</summary>
    public long? Index { get; }
}
