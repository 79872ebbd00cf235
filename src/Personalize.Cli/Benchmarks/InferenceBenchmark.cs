using Personalize.Cli.Diagnostics;
using Personalize.Core.Models;
using Personalize.Inference.Decoding;

namespace Personalize.Cli.Benchmarks;

/// <summary>Measures our engine: a prompt of 512 tokens, decoding after it and from an empty cache, and one pass over eight drafted tokens.</summary>
internal sealed class InferenceBenchmark(Models.Engine engine, TimeProvider time)
{
    public const int PrefillTokens = 512;
    public const int DecodeTokens = 64;
    private const int VerifyTokens = 8;
    private const int VerifyRepeats = 8;

    /// <summary>One run; the first of a process also compiles and is not to be counted.</summary>
    public void Run(ThroughputFigures figures)
    {
        var vocabulary = engine.Model.Description.VocabularySize;
        using var session = engine.CreateSession(PrefillTokens + (2 * DecodeTokens), ArithmeticPrecision.Served);
        session.Decode(Token(0, vocabulary));
        figures.AddDecode0(DecodeTokens / Seconds(() => Decode(session, vocabulary)));
        session.TruncateTo(0);
        var prompt = Enumerable.Range(0, PrefillTokens).Select(i => Token(i, vocabulary)).ToArray();
        figures.AddPrefill512(PrefillTokens / Seconds(() => session.Prefill(prompt, CancellationToken.None)));
        var decode = Seconds(() => Decode(session, vocabulary));
        figures.AddDecode512(DecodeTokens / decode);
        session.TruncateTo(PrefillTokens);
        var drafted = prompt.AsMemory(0, VerifyTokens);
        var verify = Seconds(() =>
        {
            for (var i = 0; i < VerifyRepeats; i++)
            {
                session.Feed(drafted.Span, (_, _) => { }, null, CancellationToken.None);
                session.TruncateTo(PrefillTokens);
            }
        });
        figures.AddVerify8(verify / VerifyRepeats / (decode / DecodeTokens));
        figures.ResidentBytes = PeakMemory.Bytes();
    }

    private static void Decode(DecoderSession session, int vocabulary)
    {
        for (var i = 0; i < DecodeTokens; i++)
        {
            session.Decode(Token(i, vocabulary));
        }
    }

    private static int Token(int i, int vocabulary) => 17 + (i * 7919 % (vocabulary - 17));

    private double Seconds(Action work)
    {
        var began = time.GetTimestamp();
        work();
        return time.GetElapsedTime(began).TotalSeconds;
    }
}
