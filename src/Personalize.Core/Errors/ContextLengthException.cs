namespace Personalize.Core.Errors;

/// <summary>A prompt has more tokens than the context of the model or of the conversation holds.</summary>
public sealed class ContextLengthException : PersonalizeException
{
    /// <summary>Carries both lengths.</summary>
    /// <param name="needed">How many tokens the prompt has.</param>
    /// <param name="available">How many tokens the context holds.</param>
    public ContextLengthException(int needed, int available)
        : base($"the prompt has {needed} tokens, the context holds {available}: shorten the prompt or start a new conversation")
    {
        Needed = needed;
        Available = available;
    }

    /// <summary>How many tokens the prompt has.</summary>
    public int Needed { get; }

    /// <summary>How many tokens the context holds.</summary>
    public int Available { get; }
}
