namespace Personalize.Training.Evaluation;

/// <summary>How well a model predicts the replies of some examples. Immutable.</summary>
public sealed class EvaluationResult
{
    internal EvaluationResult(IReadOnlyList<ExampleLoss> examples)
    {
        Examples = examples;
        foreach (var example in examples)
        {
            TotalNll += example.Nll;
            Tokens += example.Tokens;
        }
    }

    /// <summary>The losses of each example, in the order given.</summary>
    public IReadOnlyList<ExampleLoss> Examples { get; }

    /// <summary>The sum of the negative log-likelihoods of all loss tokens, in nats.</summary>
    public double TotalNll { get; }

    /// <summary>How many tokens carry loss.</summary>
    public int Tokens { get; }

    /// <summary>The mean over all loss tokens, in nats a token; 0 where none carries loss.</summary>
    public double MeanNll => TotalNll / Math.Max(1, Tokens);
}
