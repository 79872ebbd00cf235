using System.Globalization;
using System.Text.Json;
using Personalize.Inference.Adapters;
using Personalize.Inference.Decoding;

namespace Personalize.Cli.Benchmarks;

/// <summary><c>switch</c>: another adapter for a running session, whose model and buffers stay: packing one that was not in memory, taking one that was, and the first step with it.</summary>
internal sealed class SwitchPart : IInferencePart
{
    private const int PromptTokens = 16;
    private readonly Samples _pack = new();
    private readonly Samples _switch = new();
    private readonly Samples _step = new();

    public void Run(InferenceBench bench)
    {
        var model = bench.Engine.Model;
        var adapters = new[] { SyntheticAdapter.Create(model, 1), SyntheticAdapter.Create(model, 2) };
        var prompt = SyntheticTokens.Take(PromptTokens, model.Description.VocabularySize);
        using var session = new DecoderSession(model, bench.Engine.Pool, new DecoderSessionOptions { ContextLength = PromptTokens });
        AttachedAdapter? current = null;
        bench.Repeat(counts =>
        {
            session.Prefill(prompt, CancellationToken.None);
            AttachedAdapter? next = null;
            var pack = bench.Time.Seconds(() => next = new AttachedAdapter(adapters[counts ? 1 : 0], model, bench.Engine.Pool));
            var change = bench.Time.Seconds(() => session.SwitchAdapter(next));
            var step = bench.Time.Seconds(() => session.Decode(prompt[0]));
            session.TruncateTo(0);
            current?.Dispose();
            current = next;
            if (counts)
            {
                _pack.Add(pack);
                _switch.Add(change);
                _step.Add(step);
            }
        });
        session.SwitchAdapter(null);
        current?.Dispose();
    }

    public void Write(Utf8JsonWriter json, double readBytesPerSecond)
    {
        json.WriteStartObject("switch");
        json.WriteNumber("packMilliseconds", Math.Round(1e3 * _pack.Median, 3));
        json.WriteNumber("switchMilliseconds", Math.Round(1e3 * _switch.Median, 4));
        json.WriteNumber("firstStepMilliseconds", Math.Round(1e3 * _step.Median, 3));
        json.WriteEndObject();
    }

    public IEnumerable<string> Describe(double readBytesPerSecond)
    {
        yield return string.Create(CultureInfo.InvariantCulture, $"switching adapters: {1e3 * _pack.Median:F1} ms to pack one, {1e3 * _switch.Median:F3} ms to switch to it, {1e3 * _step.Median:F1} ms for the first step with it");
    }
}
