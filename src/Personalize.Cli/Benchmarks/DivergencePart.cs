using System.Globalization;
using System.Text.Json;
using Personalize.Cli.Hosting;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Inference.Decoding;
using Personalize.Inference.Sampling;
using Personalize.Inference.Scoring;

namespace Personalize.Cli.Benchmarks;

/// <summary><c>divergence</c>: the served path against exact arithmetic over a text, window by window.</summary>
internal sealed class DivergencePart(string text, int tokens) : IInferencePart
{
    private const int WindowTokens = 512;
    private const int PieceTokens = 32;
    private int _count;
    private int _sameTop;
    private int _losses;
    private double _sum;
    private double _largest;
    private double _exactNll;
    private double _servedNll;

    public void Run(InferenceBench bench)
    {
        var engine = bench.Engine;
        var window = Math.Min(WindowTokens, engine.Model.Description.ContextLength);
        var ids = engine.Tokenizer.Encode(text, parseSpecialTokens: false);
        if (ids.Length < 2)
        {
            throw new UsageException("--text has fewer than 2 tokens: give a longer text");
        }

        ids = ids[..Math.Min(tokens, ids.Length)];
        using var exact = engine.CreateSession(new DecoderSessionOptions { ContextLength = window, Precision = ArithmeticPrecision.Single, KeyValuePrecision = KeyValuePrecision.Single });
        using var served = engine.CreateSession(window, ArithmeticPrecision.Served);
        for (var first = 0; first < ids.Length; first += window)
        {
            exact.TruncateTo(0);
            served.TruncateTo(0);
            Compare(exact, served, ids.AsMemory(first, Math.Min(window, ids.Length - first)), bench.Context.CancellationToken);
        }
    }

    public void Write(Utf8JsonWriter json, double readBytesPerSecond)
    {
        json.WriteStartObject("divergence");
        json.WriteNumber("tokens", _count);
        json.WriteNumber("meanKl", _sum / _count);
        json.WriteNumber("maxKl", _largest);
        json.WriteNumber("sameTopToken", Math.Round((double)_sameTop / _count, 4));
        json.WriteNumber("nllExact", _exactNll / _losses);
        json.WriteNumber("nllServed", _servedNll / _losses);
        json.WriteNumber("perplexityServedOfExact", Math.Round(PerplexityRatio, 5));
        json.WriteEndObject();
    }

    public IEnumerable<string> Describe(double readBytesPerSecond)
    {
        yield return string.Create(
            CultureInfo.InvariantCulture,
            $"served against exact over {_count} tokens: mean KL {_sum / _count:E2}, largest {_largest:E2}, same most probable token {(double)_sameTop / _count:P1}, perplexity {PerplexityRatio - 1:P2} off");
    }

    private double PerplexityRatio => Math.Exp((_servedNll - _exactNll) / _losses);

    private void Compare(DecoderSession exact, DecoderSession served, ReadOnlyMemory<int> ids, CancellationToken cancellationToken)
    {
        var rows = new float[PieceTokens][];
        for (var first = 0; first < ids.Length; first += PieceTokens)
        {
            var start = first;
            var piece = ids.Span.Slice(first, Math.Min(PieceTokens, ids.Length - first));
            exact.Feed(piece, (index, logits) => rows[index] = logits.ToArray(), onHiddenState: null, cancellationToken);
            served.Feed(
                piece,
                (index, logits) =>
                {
                    var exactNormalizer = LogSumExp.Compute(rows[index]);
                    var servedNormalizer = LogSumExp.Compute(logits);
                    var divergence = LogitDivergence.Compute(rows[index], exactNormalizer, logits, servedNormalizer);
                    _count++;
                    _sum += divergence;
                    _largest = Math.Max(_largest, divergence);
                    _sameTop += LogitMaximum.IndexOf(rows[index]) == LogitMaximum.IndexOf(logits) ? 1 : 0;
                    if (start + index + 1 < ids.Length)
                    {
                        var next = ids.Span[start + index + 1];
                        _exactNll += exactNormalizer - rows[index][next];
                        _servedNll += servedNormalizer - logits[next];
                        _losses++;
                    }
                },
                onHiddenState: null,
                cancellationToken);
        }
    }
}
