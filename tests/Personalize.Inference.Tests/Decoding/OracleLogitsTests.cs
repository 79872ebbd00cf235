using System.Runtime.InteropServices;
using System.Text.Json;
using Personalize.Core.Formats.Safetensors;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Inference.Decoding;

namespace Personalize.Inference.Tests.Decoding;

/// <summary>The forward pass against PyTorch's, see <c>oracles/scripts/make_logits.py</c>.</summary>
public sealed class OracleLogitsTests(SmolModelFixture fixture) : IClassFixture<SmolModelFixture>
{
    private const string Oracle = "oracles/smollm2/logits.json";
    private const float LogitTolerance = 2e-3f;
    private const float HiddenStateTolerance = 2e-3f;
    private const double DecidedMargin = 0.01;
    private const double ServedMeanDivergence = 2e-3;
    private const double ServedTopAgreement = 0.97;

    private static JsonElement Prompts => JsonDocument.Parse(File.ReadAllBytes(SharedFiles.Resolve(Oracle))).RootElement;

    [SharedFact(Oracle)]
    public void Exact_logits_and_losses_agree_on_every_prompt()
    {
        using var golden = SafetensorsFile.Open(SharedFiles.Resolve("oracles/smollm2/logits.safetensors"));
        var largest = 0f;
        foreach (var prompt in Prompts.EnumerateObject())
        {
            var ids = Ids(prompt.Value, "ids");
            var topIds = MemoryMarshal.Cast<byte, int>(golden.GetData(golden.GetTensor(prompt.Name + ".top_ids"))).ToArray();
            var topLogits = golden.ReadSingles(prompt.Name + ".top_logits");
            var losses = prompt.Value.GetProperty("nll").EnumerateArray().Select(v => v.GetDouble()).ToArray();
            using var session = Open(ArithmeticPrecision.Single, ids.Length);
            session.Feed(
                ids,
                (index, logits) =>
                {
                    for (var k = 0; k < 10; k++)
                    {
                        largest = Math.Max(largest, Math.Abs(logits[topIds[(index * 10) + k]] - topLogits[(index * 10) + k]));
                    }

                    if (index + 1 < ids.Length)
                    {
                        Assert.Equal(losses[index], LogSumExp(logits) - logits[ids[index + 1]], 2e-3);
                    }
                },
                null,
                CancellationToken.None);
            var last = golden.ReadSingles(prompt.Name + ".last");
            for (var i = 0; i < last.Length; i++)
            {
                largest = Math.Max(largest, Math.Abs(last[i] - session.Logits[i]));
            }
        }

        Assert.True(largest <= LogitTolerance, $"largest difference {largest}");
    }

    [SharedFact(Oracle)]
    public void Hidden_states_agree_layer_by_layer()
    {
        using var golden = SafetensorsFile.Open(SharedFiles.Resolve("oracles/smollm2/logits.safetensors"));
        var ids = Ids(Prompts.GetProperty("fact"), "ids");
        using var session = Open(ArithmeticPrecision.Single, ids.Length);
        var layers = 0;
        session.Feed(
            ids,
            null,
            (layer, _, states) =>
            {
                // The reference keeps the last layer's states only after the last norm.
                if (layer == fixture.Model.Description.LayerCount)
                {
                    return;
                }

                var expected = golden.ReadSingles($"fact.hidden.{layer}");
                var scale = Math.Max(1f, expected.Max(MathF.Abs));
                for (var i = 0; i < expected.Length; i++)
                {
                    Assert.True(Math.Abs(expected[i] - states[i]) <= HiddenStateTolerance * scale, $"layer {layer}, element {i}: {states[i]}, expected {expected[i]}");
                }

                layers++;
            },
            CancellationToken.None);
        Assert.Equal(fixture.Model.Description.LayerCount, layers);
    }

    [SharedFact(Oracle)]
    public void Exact_greedy_continuations_are_identical_while_the_margin_decides()
    {
        foreach (var prompt in Prompts.EnumerateObject().Where(p => p.Value.TryGetProperty("greedy", out _)))
        {
            var ids = Ids(prompt.Value, "ids");
            var greedy = Ids(prompt.Value, "greedy");
            var margins = prompt.Value.GetProperty("margin").EnumerateArray().Select(v => v.GetDouble()).ToArray();
            using var session = Open(ArithmeticPrecision.Single, ids.Length + greedy.Length);
            session.Prefill(ids, CancellationToken.None);
            for (var i = 0; i < greedy.Length && margins[i] > DecidedMargin; i++)
            {
                Assert.True(greedy[i] == ArgMax(session.Logits), $"{prompt.Name}, step {i}");
                session.Decode(greedy[i]);
            }
        }
    }

    [SharedTheory(Oracle)]
    [InlineData(KeyValuePrecision.Single)]
    [InlineData(KeyValuePrecision.Half)]
    [InlineData(KeyValuePrecision.EightBits)]
    public void Served_logits_stay_close_to_the_exact_ones(KeyValuePrecision cache)
    {
        double divergence = 0;
        var positions = 0;
        var same = 0;
        foreach (var prompt in Prompts.EnumerateObject())
        {
            var ids = Ids(prompt.Value, "ids");
            using var exact = Open(ArithmeticPrecision.Single, ids.Length);
            using var served = Open(ArithmeticPrecision.Served, ids.Length, cache);
            var expected = new float[ids.Length][];
            exact.Feed(ids, (index, logits) => expected[index] = logits.ToArray(), null, CancellationToken.None);
            served.Feed(
                ids,
                (index, logits) =>
                {
                    divergence += Divergence(expected[index], logits);
                    same += ArgMax(expected[index]) == ArgMax(logits) ? 1 : 0;
                    positions++;
                },
                null,
                CancellationToken.None);
        }

        Assert.True(divergence / positions <= ServedMeanDivergence, $"mean KL {divergence / positions}");
        Assert.True((double)same / positions >= ServedTopAgreement, $"{same} of {positions} top tokens agree");
    }

    [SharedTheory(SharedFiles.Model)]
    [InlineData(ArithmeticPrecision.Served)]
    [InlineData(ArithmeticPrecision.Single)]
    public void Chunks_of_any_size_give_the_same_bits(ArithmeticPrecision precision)
    {
        var ids = Enumerable.Range(0, 40).Select(i => 17 + (i * 7919 % 49000)).ToArray();
        float[]? reference = null;
        foreach (var chunk in new[] { 1, 3, 8, 64 })
        {
            using var session = new DecoderSession(fixture.Model, fixture.Pool, new DecoderSessionOptions { ContextLength = 64, ChunkSize = chunk, Precision = precision });
            session.Prefill(ids, CancellationToken.None);
            session.TruncateTo(30);
            session.Prefill(ids.AsSpan(30), CancellationToken.None);
            var logits = session.Logits.ToArray();
            reference ??= logits;
            Assert.Equal(reference, logits);
        }
    }

    private static int[] Ids(JsonElement prompt, string name) => prompt.GetProperty(name).EnumerateArray().Select(v => v.GetInt32()).ToArray();

    private static int ArgMax(ReadOnlySpan<float> logits)
    {
        var best = 0;
        for (var i = 1; i < logits.Length; i++)
        {
            best = logits[i] > logits[best] ? i : best;
        }

        return best;
    }

    private static double LogSumExp(ReadOnlySpan<float> logits)
    {
        double largest = logits[ArgMax(logits)];
        double sum = 0;
        foreach (var logit in logits)
        {
            sum += Math.Exp(logit - largest);
        }

        return largest + Math.Log(sum);
    }

    private static double Divergence(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        var expectedSum = LogSumExp(expected);
        var actualSum = LogSumExp(actual);
        double divergence = 0;
        for (var i = 0; i < expected.Length; i++)
        {
            divergence += Math.Exp(expected[i] - expectedSum) * (expected[i] - expectedSum - actual[i] + actualSum);
        }

        return divergence;
    }

    private DecoderSession Open(ArithmeticPrecision precision, int tokens, KeyValuePrecision cache = KeyValuePrecision.Single) =>
        new(fixture.Model, fixture.Pool, new DecoderSessionOptions { ContextLength = tokens, Precision = precision, KeyValuePrecision = cache });
}
