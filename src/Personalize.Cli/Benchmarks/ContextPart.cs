using System.Globalization;
using System.Text.Json;
using Personalize.Cli.Diagnostics;
using Personalize.Inference.Decoding;

namespace Personalize.Cli.Benchmarks;

/// <summary><c>context</c>: decoding, prefill and memory as a conversation grows from 128 tokens to 8,192 or the model's limit; each length in a session of that size, once.</summary>
internal sealed class ContextPart : IInferencePart
{
    private const int Shortest = 128;
    private const int Longest = 8192;
    private const int DecodeTokens = 32;
    private readonly List<Row> _rows = [];
    private int _limit;

    public void Run(InferenceBench bench)
    {
        var model = bench.Engine.Model;
        _limit = model.Description.ContextLength;
        for (var tokens = Shortest; tokens <= Math.Min(Longest, _limit); tokens *= 2)
        {
            bench.Context.CancellationToken.ThrowIfCancellationRequested();
            using var session = new DecoderSession(model, bench.Engine.Pool, new DecoderSessionOptions { ContextLength = tokens, KeyValuePrecision = bench.Engine.CachePrecision });
            var ids = SyntheticTokens.Take(tokens, model.Description.VocabularySize);
            var prefill = bench.Time.Seconds(() => session.Prefill(ids.AsSpan(0, tokens - DecodeTokens), bench.Context.CancellationToken));
            var decode = bench.Time.Seconds(() =>
            {
                foreach (var id in ids.AsSpan(tokens - DecodeTokens))
                {
                    session.Decode(id);
                }
            });
            var peer = tokens <= PeerBenchmark.LongestPrompt ? bench.PeerOn(model.Path)?.Measure(tokens - DecodeTokens, DecodeTokens).Decode : null;
            _rows.Add(new Row(tokens, (tokens - DecodeTokens) / prefill, DecodeTokens / decode, peer, session.ByteLength, ProcessMemory.ResidentBytes()));
        }
    }

    public void Write(Utf8JsonWriter json, double readBytesPerSecond)
    {
        json.WriteNumber("contextLimit", _limit);
        json.WriteStartArray("context");
        foreach (var row in _rows)
        {
            json.WriteStartObject();
            json.WriteNumber("tokens", row.Tokens);
            json.WriteNumber("prefill", Math.Round(row.Prefill, 1));
            json.WriteNumber("decode", Math.Round(row.Decode, 1));
            if (row.PeerDecode is { } peer)
            {
                json.WriteNumber("peerDecode", peer);
            }

            json.WriteNumber("sessionBytes", row.SessionBytes);
            json.WriteNumber("residentBytes", row.ResidentBytes);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    public IEnumerable<string> Describe(double readBytesPerSecond) => _rows.Select(row => string.Create(
        CultureInfo.InvariantCulture,
        $"context {row.Tokens}: prefill {row.Prefill:F0}, decode {row.Decode:F0} tokens/s{(row.PeerDecode is { } peer ? string.Create(CultureInfo.InvariantCulture, $" (peer {peer:F0})") : "")}, session {row.SessionBytes / 1e6:F0} MB, process {row.ResidentBytes / 1e6:F0} MB"));

    private sealed record Row(int Tokens, double Prefill, double Decode, double? PeerDecode, long SessionBytes, long ResidentBytes);
}
