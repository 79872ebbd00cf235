using Personalize.Inference.Adapters;
using Personalize.Inference.Decoding;
using Personalize.Inference.Generation;

namespace Personalize.Cli.Benchmarks;

/// <summary>Greedy texts without and with each drafter, prompt by prompt in turn, each way in a session of its own.</summary>
internal sealed class SpeculationRun(InferenceBench bench, IReadOnlyList<DrafterKind> drafters, int maxTokens)
{
    private const int WarmTokens = 24;

    /// <summary>Runs the prompts of a scenario.</summary>
    /// <param name="scenario">Prompts and history.</param>
    /// <param name="prompts">How many of them at most; they begin again where there are fewer and <paramref name="repeat"/> says so.</param>
    /// <param name="repeat">Whether prompts begin again.</param>
    /// <param name="adapter">An adapter, or null for the base.</param>
    /// <param name="bounded">A bounded cache, or null for one that keeps all tokens.</param>
    /// <returns>All texts by drafter, and those of the scenario's part.</returns>
    public (List<SpeculationFigures> All, List<SpeculationFigures> Part) Run(SpeculationScenario scenario, int prompts, bool repeat, AttachedAdapter? adapter, DecoderSessionOptions? bounded)
    {
        var engine = bench.Engine;
        var room = (int)Math.Min((long)scenario.Prompts.Max(prompt => prompt.Length) + maxTokens, engine.Model.Description.ContextLength);
        var options = bounded ?? new DecoderSessionOptions { ContextLength = room };
        var figures = drafters.Select(kind => new SpeculationFigures(kind.Name)).ToList();
        var part = drafters.Select(kind => new SpeculationFigures(kind.Name)).ToList();
        using var plainSession = Open(options, adapter);
        var plain = new TextGenerator(plainSession, engine.Tokenizer, bench.Time);
        var sessions = drafters.Select(_ => Open(options, adapter)).ToArray();
        var draftings = drafters.Select(kind => kind.Create(scenario, bounded is null ? room : engine.Model.Description.ContextLength)).ToArray();
        try
        {
            var fast = sessions.Select((session, i) => new TextGenerator(session, engine.Tokenizer, bench.Time, draftings[i].Drafter)).ToArray();
            for (var i = 0; i < (repeat ? prompts : Math.Min(prompts, scenario.Prompts.Count)); i++)
            {
                bench.Context.CancellationToken.ThrowIfCancellationRequested();
                var prompt = scenario.Prompts[i % scenario.Prompts.Count];
                if (prompt.Length >= options.ContextLength)
                {
                    continue;
                }

                var request = new GenerationRequest { Prompt = prompt, MaxTokens = maxTokens };
                var expected = plain.Generate(request, bench.Context.CancellationToken).RunToEnd();
                var isPart = scenario.Part?.Contains(prompt, expected.Ids) == true;
                for (var drafter = 0; drafter < fast.Length; drafter++)
                {
                    var result = fast[drafter].Generate(request, bench.Context.CancellationToken).RunToEnd();
                    figures[drafter].Add(expected, result);
                    if (isPart)
                    {
                        part[drafter].Add(expected, result);
                    }
                }
            }
        }
        finally
        {
            Array.ForEach(draftings, drafting => drafting.Dispose());
            Array.ForEach(sessions, session => session.Dispose());
        }

        return (figures, part);
    }

    /// <summary>A session whose code is compiled and whose buffers were touched.</summary>
    private DecoderSession Open(DecoderSessionOptions options, AttachedAdapter? adapter)
    {
        var engine = bench.Engine;
        var session = new DecoderSession(engine.Model, engine.Pool, options, adapter);
        var warm = SyntheticTokens.Take(Math.Min(WarmTokens, session.ContextLength), engine.Model.Description.VocabularySize);
        session.Prefill(warm, CancellationToken.None);
        for (var tokens = 1; tokens <= Math.Min(session.MaxVerifyTokens, warm.Length); tokens++)
        {
            session.TruncateTo(0);
            session.Verify(warm.AsSpan(0, tokens));
            session.TruncateTo(0);
            session.Decode(warm[0]);
        }

        session.TruncateTo(0);
        return session;
    }
}
