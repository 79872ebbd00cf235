using Personalize.Cli.Diagnostics;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Inference.Adapters;
using Personalize.Inference.Decoding;

namespace Personalize.Cli.Benchmarks;

/// <summary>Measures our engine: a prompt, decoding after it and from an empty cache, and one pass over eight drafted tokens.</summary>
internal sealed class ThroughputBenchmark(DecoderModel model, WorkerPool pool, TimeProvider time, AttachedAdapter? adapter = null, KeyValuePrecision? cachePrecision = null)
{
    public const int PromptTokens = 512;
    public const int DecodeTokens = 64;
    private const int VerifyTokens = 8;
    private const int VerifyRepeats = 8;

    /// <summary>One run; the first of a process also compiles and is not to be counted.</summary>
    public void Run(ThroughputFigures figures)
    {
        var promptTokens = figures.PromptTokens;
        using var session = new DecoderSession(model, pool, new DecoderSessionOptions { ContextLength = promptTokens + (2 * DecodeTokens), KeyValuePrecision = cachePrecision }, adapter);
        session.Decode(Token(0));
        figures.DecodeEmpty.Add(DecodeTokens / time.Seconds(() => Decode(session)));
        session.TruncateTo(0);
        var prompt = SyntheticTokens.Take(promptTokens, model.Description.VocabularySize);
        figures.Prefill.Add(promptTokens / time.Seconds(() => session.Prefill(prompt, CancellationToken.None)));
        var decode = time.Seconds(() => Decode(session));
        figures.DecodeAfter.Add(DecodeTokens / decode);
        session.TruncateTo(promptTokens);
        var verify = time.Seconds(() =>
        {
            for (var i = 0; i < VerifyRepeats; i++)
            {
                session.Verify(prompt.AsSpan(0, VerifyTokens));
                session.TruncateTo(promptTokens);
            }
        });
        figures.Verify8.Add(verify / VerifyRepeats / (decode / DecodeTokens));
        figures.ResidentBytes = ProcessMemory.PeakBytes();
    }

    private void Decode(DecoderSession session)
    {
        for (var i = 0; i < DecodeTokens; i++)
        {
            session.Decode(Token(i));
        }
    }

    private int Token(int i) => SyntheticTokens.At(i, model.Description.VocabularySize);
}
