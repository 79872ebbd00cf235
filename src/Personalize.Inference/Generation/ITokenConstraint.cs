namespace Personalize.Inference.Generation;

/// <summary>Decides which tokens may come next in one text, before the sampler chooses. Not thread-safe: one constraint a text.</summary>
/// <remarks>The calls alternate: <see cref="Apply"/> on the logits of a position, then <see cref="Accept"/> with the token that was chosen there. A constraint always leaves at least one token.</remarks>
public interface ITokenConstraint
{
    /// <summary>Sets the logits of all tokens that may not come next to negative infinity and leaves the others as they are.</summary>
    /// <param name="logits"><c>[vocabulary]</c>, changed in place.</param>
    void Apply(Span<float> logits);

    /// <summary>Goes on by the token that was chosen.</summary>
    /// <param name="token">A token that <see cref="Apply"/> left.</param>
    /// <exception cref="InvalidOperationException">The token was not left.</exception>
    void Accept(int token);
}
