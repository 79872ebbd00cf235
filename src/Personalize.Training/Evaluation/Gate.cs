namespace Personalize.Training.Evaluation;

/// <summary>Lets an adapter through only if it predicts the person's later, unseen interactions better than the base does, and better than the adapter in use.</summary>
public static class Gate
{
    /// <summary>Decides by the mean losses on the same examples.</summary>
    /// <param name="baseResult">The base without an adapter.</param>
    /// <param name="adapterResult">The new adapter.</param>
    /// <param name="incumbentResult">The adapter in use, or null.</param>
    /// <exception cref="ArgumentException">The results are not about the same number of examples and tokens.</exception>
    public static GateDecision Decide(EvaluationResult baseResult, EvaluationResult adapterResult, EvaluationResult? incumbentResult = null)
    {
        ArgumentNullException.ThrowIfNull(baseResult);
        ArgumentNullException.ThrowIfNull(adapterResult);
        RequireSameExamples(baseResult, adapterResult, nameof(adapterResult));
        if (incumbentResult is not null)
        {
            RequireSameExamples(baseResult, incumbentResult, nameof(incumbentResult));
        }

        var outcome = Judge(baseResult, adapterResult, incumbentResult);
        return new GateDecision(outcome, baseResult.MeanNll, adapterResult.MeanNll, incumbentResult?.MeanNll, baseResult.Tokens);
    }

    private static GateOutcome Judge(EvaluationResult baseResult, EvaluationResult adapterResult, EvaluationResult? incumbentResult)
    {
        if (baseResult.Tokens == 0)
        {
            return GateOutcome.NothingToJudge;
        }

        if (!double.IsFinite(baseResult.MeanNll) || !double.IsFinite(adapterResult.MeanNll))
        {
            return GateOutcome.NotFinite;
        }

        if (adapterResult.MeanNll >= baseResult.MeanNll)
        {
            return GateOutcome.NotBelowBase;
        }

        // An incumbent whose loss is no number cannot defend its place.
        return incumbentResult is not null && adapterResult.MeanNll >= incumbentResult.MeanNll ? GateOutcome.NotBelowIncumbent : GateOutcome.Promoted;
    }

    private static void RequireSameExamples(EvaluationResult one, EvaluationResult other, string parameter)
    {
        if (one.Examples.Count != other.Examples.Count || one.Tokens != other.Tokens)
        {
            throw new ArgumentException("the results compared are about different examples", parameter);
        }
    }
}
