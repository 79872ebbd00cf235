namespace Personalize.Training.Data;

/// <summary>One interaction as token ids: a prompt, and the reply whose tokens carry the loss. Immutable; safe to share between threads.</summary>
/// <remarks>Token <c>i</c> is a target if <c>i &gt;= max(1, PromptLength)</c>; it is predicted from the tokens before it.</remarks>
public sealed class TrainingExample
{
    private readonly int[] _ids;

    /// <summary>Takes ownership of the ids.</summary>
    /// <param name="ids">Prompt and reply, at least one token.</param>
    /// <param name="promptLength">How many of the ids are the prompt; at least the number of ids means that nothing carries loss.</param>
    /// <exception cref="ArgumentException">There is no token.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The prompt's length or an id is negative.</exception>
    public TrainingExample(int[] ids, int promptLength)
    {
        ArgumentNullException.ThrowIfNull(ids);
        ArgumentOutOfRangeException.ThrowIfNegative(promptLength);
        if (ids.Length == 0)
        {
            throw new ArgumentException("an example has at least one token", nameof(ids));
        }

        foreach (var id in ids)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(id, nameof(ids));
        }

        _ids = ids;
        PromptLength = promptLength;
    }

    /// <summary>Prompt and reply.</summary>
    public ReadOnlySpan<int> Ids => _ids;

    /// <summary>How many tokens there are.</summary>
    public int Length => _ids.Length;

    /// <summary>How many of the ids are the prompt.</summary>
    public int PromptLength { get; }

    /// <summary>The index of the first token that carries loss; <see cref="Length"/> or more if none does.</summary>
    internal int FirstTarget => Math.Max(1, PromptLength);

    /// <summary>How many tokens carry loss.</summary>
    public int LossTokenCount => Math.Max(0, Length - FirstTarget);

    /// <summary>The same example cut at its end.</summary>
    /// <param name="maximumLength">The most tokens to keep, at least 1.</param>
    /// <returns>This example if it is short enough, else a copy of its beginning.</returns>
    public TrainingExample Truncate(int maximumLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maximumLength);
        return Length <= maximumLength ? this : new TrainingExample(_ids[..maximumLength], PromptLength);
    }
}
