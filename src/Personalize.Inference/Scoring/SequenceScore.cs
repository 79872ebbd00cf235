using System.Runtime.InteropServices;

namespace Personalize.Inference.Scoring;

/// <summary>How well a model predicted some tokens.</summary>
/// <param name="TotalNll">The sum of <c>-ln p(token | tokens before it)</c>, in nats.</param>
/// <param name="Tokens">How many tokens were scored.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct SequenceScore(double TotalNll, int Tokens)
{
    /// <summary>The mean loss of a token in nats; 0 where none was scored.</summary>
    public double MeanNll => Tokens == 0 ? 0 : TotalNll / Tokens;

    /// <summary><c>exp(MeanNll)</c>.</summary>
    public double Perplexity => Math.Exp(MeanNll);

    /// <summary>Both together.</summary>
    /// <param name="left">One score.</param>
    /// <param name="right">Another.</param>
    /// <returns>The sums.</returns>
    public static SequenceScore operator +(SequenceScore left, SequenceScore right) => Add(left, right);

    /// <summary>Both together.</summary>
    /// <param name="left">One score.</param>
    /// <param name="right">Another.</param>
    /// <returns>The sums.</returns>
    public static SequenceScore Add(SequenceScore left, SequenceScore right) => new(left.TotalNll + right.TotalNll, left.Tokens + right.Tokens);
}
