using Personalize.Cli.Diagnostics;
using Personalize.Cli.Models;
using Personalize.Inference.Decoding;
using Personalize.Inference.Scoring;

namespace Personalize.Cli.Benchmarks;

/// <summary>
/// Scores one long stream through a bounded cache and looks at what it costs on the way. Chunks of any size give the same bits, so the stream is cut wherever something is to be measured:
/// at the ends of parts, around sampled tokens, and into single steps where decoding is timed.
/// </summary>
internal sealed class StreamMeasurement(Engine engine, DecoderSessionOptions options, TimeProvider time)
{
    /// <summary>How many tokens in a row are sampled at each place.</summary>
    public const int SampleTokens = 16;

    // Whole chunks of the session, so that no smaller one is computed in between.
    private const int PieceTokens = 512;
    private const int ProbeTokens = 64;

    /// <summary>How many tokens a token can see.</summary>
    public int VisibleTokens => options.SinkTokenCount + options.WindowSize!.Value;

    /// <summary>How many places can be sampled in a stream of that many tokens.</summary>
    public int MostSamples(int tokens) => Math.Max(0, (tokens - 1 - VisibleTokens) / SampleTokens);

    /// <summary>Runs the stream, and then the sample anew.</summary>
    /// <param name="ids">At least two tokens.</param>
    /// <param name="parts">How many parts are reported at most.</param>
    /// <param name="samples">At how many places the loss is compared with recomputation; at most <see cref="MostSamples"/>.</param>
    /// <param name="progress">Told the share that is done and the loss so far.</param>
    /// <param name="cancellationToken">Looked at between chunks.</param>
    public StreamReport Run(ReadOnlyMemory<int> ids, int parts, int samples, Action<double, SequenceScore> progress, CancellationToken cancellationToken)
    {
        var last = ids.Length - 1;
        var places = Enumerable.Range(0, samples).Select(k => VisibleTokens + (int)((long)k * (last - VisibleTokens) / samples)).ToArray();
        int[] probes = last >= VisibleTokens + (2 * ProbeTokens) ? [VisibleTokens, last - ProbeTokens] : [];
        var partEnds = Enumerable.Range(1, parts).Select(k => (int)((long)k * last / parts)).Distinct().Where(end => end > 0).ToArray();
        var cuts = partEnds.Concat(places).Concat(places.Select(place => place + SampleTokens)).Concat(probes).Concat(probes.Select(probe => probe + ProbeTokens)).Distinct().Order().ToArray();
        using var session = engine.CreateSession(options);
        var report = new List<StreamPart>();
        var decode = new double[probes.Length];
        var (partScore, partSeconds, total, sampled) = (default(SequenceScore), 0.0, default(SequenceScore), default(SequenceScore));
        for (var (first, cut) = (0, 0); first < last;)
        {
            while (cuts[cut] <= first)
            {
                cut++;
            }

            var probe = Array.FindIndex(probes, start => first >= start && first < start + ProbeTokens);
            var count = Math.Min(probe >= 0 ? 1 : PieceTokens, cuts[cut] - first);
            var score = default(SequenceScore);
            var seconds = time.Seconds(() => score = SequenceScorer.Continue(session, ids.Span.Slice(first, count + 1), cancellationToken));
            (partScore, partSeconds, total) = (partScore + score, partSeconds + seconds, total + score);
            if (probe >= 0)
            {
                decode[probe] += seconds;
            }

            if (Array.Exists(places, start => first >= start && first < start + SampleTokens))
            {
                sampled += score;
            }

            first += count;
            if (partEnds.Contains(first))
            {
                report.Add(new StreamPart(first - partScore.Tokens, partScore, partScore.Tokens / partSeconds, ProcessMemory.ResidentBytes()));
                (partScore, partSeconds) = (default, 0);
            }

            progress((double)first / last, total);
        }

        double? Rate(int probe) => probes.Length == 0 ? null : ProbeTokens / decode[probe];
        return new StreamReport(report, Rate(0), Rate(1), sampled, Recompute(ids, places, cancellationToken));
    }

    // The first of a place's tokens sees as many tokens as in the stream, the following ones a few more: what recomputation gains by that counts against the stream.
    private SequenceScore Recompute(ReadOnlyMemory<int> ids, int[] places, CancellationToken cancellationToken)
    {
        if (places.Length == 0)
        {
            return default;
        }

        var limit = Math.Min(VisibleTokens + SampleTokens, engine.Model.Description.ContextLength);
        using var session = engine.CreateSession(limit, options.Precision);
        var sum = default(SequenceScore);
        foreach (var place in places)
        {
            var begin = place + SampleTokens - limit;
            sum += SequenceScorer.Score(session, ids.Span[begin..(place + SampleTokens + 1)], place + 1 - begin, cancellationToken);
        }

        return sum;
    }
}
