namespace Personalize.Training.Privacy;

/// <summary>What the jobs of a profile reveal together of one example.</summary>
/// <param name="Jobs">How many jobs there are.</param>
/// <param name="Delta">The delta of both figures.</param>
/// <param name="RdpEpsilon">By <see cref="RdpAccountant"/>.</param>
/// <param name="PldEpsilon">By <see cref="PldAccountant"/>.</param>
public sealed record PrivacySpending(int Jobs, double Delta, double RdpEpsilon, double PldEpsilon)
{
    /// <summary>Both are guarantees, so the smaller one holds.</summary>
    public double Epsilon => Math.Min(RdpEpsilon, PldEpsilon);

    internal static PrivacySpending Of(IReadOnlyCollection<SubsampledGaussian> jobs, double delta) =>
        new(jobs.Count, delta, RdpAccountant.Epsilon(jobs, delta), PldAccountant.Epsilon(jobs, delta));
}
