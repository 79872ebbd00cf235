using Personalize.Cli.Hosting;
using Personalize.Cli.Options;
using Personalize.Cli.Profiles;
using Personalize.Cli.Samples;
using Personalize.Core.Adapters;
using Personalize.Core.Interactions;
using Personalize.Core.Models;
using Personalize.Core.Tokenization.Templates;
using Personalize.Inference.Generation;
using Personalize.Inference.Merging;
using Personalize.Inference.Sampling;
using Personalize.Training;
using Personalize.Training.Data;

namespace Personalize.Cli.Models;

/// <summary>The texts of a merge: earlier ones to calibrate with, later ones to judge by.</summary>
/// <param name="Calibration">Texts like those the adapter learned from.</param>
/// <param name="Judging">Texts it did not see.</param>
/// <param name="Source">Where they come from: <c>file</c>, <c>store</c>, or <c>written</c> by the model itself.</param>
internal sealed record MergeTexts(IReadOnlyList<MergeExample> Calibration, IReadOnlyList<MergeExample> Judging, string Source)
{
    private const int MostRows = 40;
    private const int FewestLaterRows = 4;
    private const int WrittenTexts = 48;
    private const int WrittenTokens = 48;

    /// <summary>Rows of a file judge, the rows before them calibrate; without a file the stored interactions do, those after the adapter's own; where there are too few, the adapted model writes some.</summary>
    /// <param name="context">Names the profile.</param>
    /// <param name="engine">The model with the adapter attached.</param>
    /// <param name="stored">What the store holds, in time order.</param>
    /// <param name="trainedOn">What the adapter was trained on, where it is known.</param>
    /// <param name="path">A file of interactions, or null.</param>
    /// <param name="rows">Which of its rows judge; null for all.</param>
    public static MergeTexts Choose(CommandContext context, Engine engine, IReadOnlyList<Interaction> stored, AdapterTrainingRange? trainedOn, string? path, RowRange? rows)
    {
        if (path is not null)
        {
            var before = rows is { First: > 0 } ? InteractionFile.Read(path, new RowRange(0, rows.First - 1)) : [];
            return new MergeTexts(Encode(engine, before), Encode(engine, InteractionFile.Read(path, rows)), "file");
        }

        var (earlier, later) = Divide(stored, trainedOn);
        return later.Count >= FewestLaterRows ? new MergeTexts(Encode(engine, earlier), Encode(engine, later), "store") : Write(context, engine);
    }

    private static (List<Interaction> Earlier, List<Interaction> Later) Divide(IReadOnlyList<Interaction> stored, AdapterTrainingRange? trainedOn)
    {
        if (trainedOn is { Count: > 0 })
        {
            var earlier = stored.Where(interaction => trainedOn.MayContain(interaction.Id)).ToList();
            var last = earlier.Count == 0 ? DateTimeOffset.MinValue : earlier.Max(interaction => interaction.Timestamp);
            return (earlier, [.. stored.Where(interaction => !trainedOn.MayContain(interaction.Id) && interaction.Timestamp >= last)]);
        }

        if (stored.Count < ChronologicalSplit.MinimumCount)
        {
            return ([], []);
        }

        var split = ChronologicalSplit.Protocol(stored.Count);
        return ([.. stored.Take(split.TrainCount)], [.. stored.Skip(split.TestStart).Take(split.TestCount)]);
    }

    private static List<MergeExample> Encode(Engine engine, IReadOnlyList<Interaction> interactions)
    {
        var longest = Math.Min(new LoraRecipe().MaximumTokens, engine.Model.Description.ContextLength);
        return Spread(interactions).ConvertAll(interaction =>
        {
            var example = engine.Chat.EncodeExample(interaction.Context, interaction.Text);
            return new MergeExample(example.Ids[..Math.Min(longest, example.Ids.Length)], example.PromptLength);
        });
    }

    /// <summary>At most so many rows, evenly from all of them: each costs a forward pass an evaluation.</summary>
    private static List<Interaction> Spread(IReadOnlyList<Interaction> interactions)
    {
        var count = Math.Min(MostRows, interactions.Count);
        return [.. Enumerable.Range(0, count).Select(i => interactions[(int)((long)i * interactions.Count / count)])];
    }

    // On what the adapted model writes it predicts better than its base by KL(adapted || base) in the mean, so there is a gain to keep.
    private static MergeTexts Write(CommandContext context, Engine engine)
    {
        context.Output.Note("there are too few later interactions to judge by: the adapted model writes the texts itself");
        var texts = new List<MergeExample>();
        using var samples = SampleInteractions.Open();
        foreach (var line in InteractionJsonLines.Read(samples, OwnConsent.Source).Take(WrittenTexts))
        {
            if (line.Interaction is not { } interaction)
            {
                continue;
            }

            var prompt = engine.Chat.EncodePrompt([new PromptMessage("user", interaction.Context)], addGenerationPrompt: true);
            var room = Math.Min(prompt.Length + WrittenTokens, engine.Model.Description.ContextLength);
            if (room <= prompt.Length)
            {
                continue;
            }

            using var session = engine.CreateSession(room, ArithmeticPrecision.Served);
            var request = new GenerationRequest { Prompt = prompt, MaxTokens = room - prompt.Length, Sampling = new SamplingOptions { Temperature = 1, Seed = (ulong)((context.Seed ?? 0) + texts.Count) } };
            var result = new TextGenerator(session, engine.Tokenizer, context.Time).Generate(request, context.CancellationToken).RunToEnd();
            texts.Add(new MergeExample([.. prompt, .. result.Ids], prompt.Length));
        }

        return new MergeTexts([.. texts.Where((_, i) => i % 2 == 0)], [.. texts.Where((_, i) => i % 2 == 1)], "written");
    }
}
