using System.Text.Json;
using Personalize.TestSupport;
using Personalize.Training.Privacy;

namespace Personalize.Training.Tests.Privacy;

/// <summary>Both accountants against Google's dp-accounting.</summary>
public sealed class PrivacyOracleTests
{
    private const double RdpTolerance = 1e-4;
    private const double PldRelativeTolerance = 0.01;
    private const double BracketWidth = 0.03;

    [Fact]
    public void Renyi_epsilons_agree()
    {
        foreach (var (job, delta, rdp, _) in Cases())
        {
            Assert.Equal(rdp, RdpAccountant.Epsilon([job], delta), RdpTolerance);
        }
    }

    [Fact]
    public void Epsilons_by_the_loss_distribution_agree_and_bracket_the_truth()
    {
        foreach (var (job, delta, rdp, pld) in Cases())
        {
            var above = PldAccountant.Epsilon([job], delta);
            var below = PldAccountant.Epsilon([job], delta, PrivacyEstimate.Optimistic);

            Assert.InRange(above / pld, 1 - PldRelativeTolerance, 1 + PldRelativeTolerance);
            Assert.InRange(below / above, 1 - BracketWidth, 1);
            Assert.True(above < rdp, $"{job}: {above} is not below {rdp}");
        }
    }

    private static IEnumerable<(SubsampledGaussian Job, double Delta, double Rdp, double Pld)> Cases()
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(SharedFiles.Fixture("privacy"), "epsilon.json")));
        return [.. document.RootElement.GetProperty("cases").EnumerateArray().Select(c => (
            new SubsampledGaussian(c.GetProperty("samplingRate").GetDouble(), c.GetProperty("noiseMultiplier").GetDouble(), c.GetProperty("steps").GetInt32()),
            c.GetProperty("delta").GetDouble(),
            c.GetProperty("epsilonRdp").GetDouble(),
            c.GetProperty("epsilonPld").GetDouble()))];
    }
}
