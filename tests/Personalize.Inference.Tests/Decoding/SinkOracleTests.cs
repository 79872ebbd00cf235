using System.Text.Json;
using Personalize.Core.Models;
using Personalize.Inference.Decoding;
using Personalize.Inference.Scoring;

namespace Personalize.Inference.Tests.Decoding;

/// <summary>The loss of each token of a stream through a bounded cache against PyTorch's, see <c>oracles/scripts/make_sinks.py</c>.</summary>
public sealed class SinkOracleTests(SmolModelFixture fixture) : IClassFixture<SmolModelFixture>
{
    private const string Oracle = "oracles/smollm2/sinks.json";
    private const double Tolerance = 2e-3;

    /// <summary>How many tokens are fed in small chunks, which are slow: well past 128, where the first is dropped and the smallest ring begins anew.</summary>
    private const int InSmallChunks = 200;

    [SharedTheory(Oracle)]
    [InlineData("sinks4window124")]
    [InlineData("window128")]
    public void Each_loss_agrees(string name)
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(SharedFiles.Resolve(Oracle)));
        var run = json.RootElement.GetProperty(name);
        var expected = run.GetProperty("nll").EnumerateArray().Select(value => value.GetDouble()).ToArray();
        var actual = Losses(Ids(json), run.GetProperty("sinks").GetInt32(), run.GetProperty("window").GetInt32(), 64);

        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.True(Math.Abs(expected[i] - actual[i]) <= Tolerance, $"token {i}: {actual[i]}, expected {expected[i]}");
        }
    }

    [SharedFact(Oracle)]
    public void Single_steps_and_chunks_give_the_same_losses_to_the_bit()
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(SharedFiles.Resolve(Oracle)));
        var ids = Ids(json)[..InSmallChunks];
        var expected = Losses(ids, 4, 124, 64);
        foreach (var chunk in new[] { 1, 3, 7 })
        {
            Assert.Equal(expected, Losses(ids, 4, 124, chunk));
        }
    }

    private static int[] Ids(JsonDocument json) => [.. json.RootElement.GetProperty("ids").EnumerateArray().Select(value => value.GetInt32())];

    private double[] Losses(int[] ids, int sinks, int window, int chunk)
    {
        using var session = new DecoderSession(
            fixture.Model, fixture.Pool, new DecoderSessionOptions { SinkTokenCount = sinks, WindowSize = window, ChunkSize = chunk, Precision = ArithmeticPrecision.Single });
        var losses = new double[ids.Length - 1];
        session.Feed(ids.AsSpan(0, ids.Length - 1), (index, logits) => losses[index] = LogSumExp.Compute(logits) - logits[ids[index + 1]], null, CancellationToken.None);
        return losses;
    }
}
