using Personalize.Cli.Hosting;
using Personalize.Cli.Models;
using Personalize.Cli.Presentation;
using Personalize.Core.Interactions;
using Personalize.Core.Models;
using Personalize.Core.Tokenization.Templates;
using Personalize.Inference.Adapters;
using Personalize.Inference.Decoding;
using Personalize.Inference.Generation;

namespace Personalize.Cli.Commands;

/// <summary>Lets the base and the personalized model answer the same contexts, greedily.</summary>
internal static class SampleWriter
{
    private const int MaximumTokens = 80;

    public static IReadOnlyList<DemoSample> Write(CommandContext context, Engine engine, AttachedAdapter adapter, IReadOnlyList<Interaction> interactions) =>
        context.Output.WithProgress("writing", progress =>
        {
            var samples = new List<DemoSample>();
            foreach (var interaction in interactions)
            {
                var prompt = engine.Chat.EncodePrompt([new PromptMessage("user", interaction.Context)], addGenerationPrompt: true);
                var before = Answer(context, engine, prompt, adapter: null);
                var after = Answer(context, engine, prompt, adapter);
                samples.Add(new DemoSample(interaction.Context, interaction.Text, before, after));
                progress.Report(new WorkProgress((double)samples.Count / interactions.Count, ""));
            }

            return samples;
        });

    private static string Answer(CommandContext context, Engine engine, int[] prompt, AttachedAdapter? adapter)
    {
        var room = Math.Min(prompt.Length + MaximumTokens, engine.Model.Description.ContextLength);
        using var session = new DecoderSession(engine.Model, engine.Pool, new DecoderSessionOptions { ContextLength = room, Precision = ArithmeticPrecision.Served }, adapter);
        return new TextGenerator(session, engine.Tokenizer, context.Time)
            .Generate(new GenerationRequest { Prompt = prompt, MaxTokens = MaximumTokens }, context.CancellationToken)
            .RunToEnd().Text.Trim();
    }
}
