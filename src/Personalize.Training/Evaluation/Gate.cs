namespace Personalize.Training.Evaluation;

/// <summary>
/// Lets an adapter through only if it predicts the person's later, unseen interactions better than the base does, and better than the adapter in use, by more than the luck of the examples explains;
/// if it kept the base's ability in general; and if it learnt no planted secret. Static and pure.
/// </summary>
public static class Gate
{
    /// <summary>Decides by the losses on the same examples.</summary>
    /// <param name="baseResult">The base without an adapter.</param>
    /// <param name="adapterResult">The new adapter.</param>
    /// <param name="incumbentResult">The adapter in use, or null.</param>
    /// <param name="options">What has to be shown; null for the defaults.</param>
    /// <param name="general">What the adapter did to other texts, or null where that was not measured.</param>
    /// <param name="canary">Whether it learnt planted secrets, or null where none were planted.</param>
    /// <exception cref="ArgumentException">The results are not about the same number of examples and tokens, or an option is out of range.</exception>
    public static GateDecision Decide(
        EvaluationResult baseResult, EvaluationResult adapterResult, EvaluationResult? incumbentResult = null, GateOptions? options = null, GeneralChange? general = null, CanaryCheck? canary = null)
    {
        ArgumentNullException.ThrowIfNull(baseResult);
        ArgumentNullException.ThrowIfNull(adapterResult);
        options ??= GateOptions.Default;
        options.Validate();
        RequireSameExamples(baseResult, adapterResult, nameof(adapterResult));
        if (incumbentResult is not null)
        {
            RequireSameExamples(baseResult, incumbentResult, nameof(incumbentResult));
        }

        var decision = new GateDecision(GateOutcome.Promoted, baseResult.MeanNll, adapterResult.MeanNll, incumbentResult?.MeanNll, baseResult.Tokens)
        {
            AgainstBase = Compare(baseResult, adapterResult, options),
            AgainstIncumbent = incumbentResult is null ? null : Compare(incumbentResult, adapterResult, options),
            General = general,
            Canary = canary,
        };
        return decision with { Outcome = Judge(decision, options) };
    }

    private static GateOutcome Judge(GateDecision decision, GateOptions options)
    {
        if (decision.Tokens == 0)
        {
            return GateOutcome.NothingToJudge;
        }

        if (!double.IsFinite(decision.BaseNll) || !double.IsFinite(decision.AdapterNll))
        {
            return GateOutcome.NotFinite;
        }

        if (decision.AdapterNll >= decision.BaseNll)
        {
            return GateOutcome.NotBelowBase;
        }

        // An incumbent whose loss is no number cannot defend its place.
        if (decision.IncumbentNll is { } incumbent && decision.AdapterNll >= incumbent)
        {
            return GateOutcome.NotBelowIncumbent;
        }

        if (options.RequireCertainty && decision.AgainstBase is { IsBetter: false })
        {
            return GateOutcome.WithinChanceOfBase;
        }

        if (options.RequireCertainty && decision.AgainstIncumbent is { IsBetter: false })
        {
            return GateOutcome.WithinChanceOfIncumbent;
        }

        // Written so that a fall which is no number is too much.
        if (decision.General is { } general && !(general.LeastFall <= options.MaximumGeneralFall))
        {
            return GateOutcome.GeneralAbilityLost;
        }

        return decision.Canary is { } canary && canary.AdapterBits > options.MaximumExposureBits ? GateOutcome.SecretLearnt : GateOutcome.Promoted;
    }

    private static BootstrapInterval? Compare(EvaluationResult reference, EvaluationResult candidate, GateOptions options) =>
        double.IsFinite(reference.TotalNll) && double.IsFinite(candidate.TotalNll) ? PairedBootstrap.Compare(reference, candidate, options.Seed, options.Draws) : null;

    private static void RequireSameExamples(EvaluationResult one, EvaluationResult other, string parameter)
    {
        if (one.Examples.Count != other.Examples.Count || one.Tokens != other.Tokens)
        {
            throw new ArgumentException("the results compared are about different examples", parameter);
        }
    }
}
