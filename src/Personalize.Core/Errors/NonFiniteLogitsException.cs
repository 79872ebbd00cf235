namespace Personalize.Core.Errors;

/// <summary>A decoder's logits hold NaN or no finite maximum, so no token can be chosen: the weights or an adapter hold values that are not numbers.</summary>
public sealed class NonFiniteLogitsException : PersonalizeException
{
    /// <summary>Names the position whose logits are broken.</summary>
    /// <param name="position">How many tokens led to these logits.</param>
    public NonFiniteLogitsException(int position)
        : base($"the logits after {position} tokens are not finite: the model file or the adapter holds values that are not numbers; fetch the model again or detach the adapter")
    {
        Position = position;
    }

    /// <summary>How many tokens led to these logits.</summary>
    public int Position { get; }
}
