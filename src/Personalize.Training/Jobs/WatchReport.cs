using Personalize.Training.Evaluation;

namespace Personalize.Training.Jobs;

/// <summary>How an adapter in use does on what the person wrote since it was made.</summary>
/// <param name="AdapterId">The adapter.</param>
/// <param name="Interactions">How many interactions were compared.</param>
/// <param name="BaseNll">The base's mean loss, in nats a token.</param>
/// <param name="AdapterNll">The adapter's.</param>
/// <param name="AgainstBase">The difference with its interval; null where a loss is not finite.</param>
public sealed record WatchReport(string AdapterId, int Interactions, double BaseNll, double AdapterNll, BootstrapInterval? AgainstBase)
{
    /// <summary>Whether the adapter has become worse than the base by more than the luck of the examples explains, or its loss is no number while the base's is.</summary>
    public bool IsWorse => AgainstBase is { } interval ? interval.Low > 0 : double.IsFinite(BaseNll) && !double.IsFinite(AdapterNll);
}
