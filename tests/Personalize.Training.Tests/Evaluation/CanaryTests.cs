using Personalize.Training.Evaluation;

namespace Personalize.Training.Tests.Evaluation;

public sealed class CanaryTests
{
    [Fact]
    public void A_secret_is_decided_by_its_seed_and_no_candidate_stands_twice()
    {
        var canary = Canary.Create("plan", 0);
        Assert.Equal(Canary.CandidateCount, canary.Candidates.Distinct(StringComparer.Ordinal).Count());
        Assert.Equal(Canary.MaximumBits, Math.Log2(Canary.CandidateCount));
        Assert.Equal(canary.Candidates, Canary.Create("plan", 0).Candidates);
        Assert.NotEqual(canary.Text, Canary.Create("plan", 1).Text);
        Assert.NotEqual(canary.Text, Canary.Create("other", 0).Text);
        Assert.Single(canary.Candidates.Select(text => text.Length).Distinct());
    }
}
