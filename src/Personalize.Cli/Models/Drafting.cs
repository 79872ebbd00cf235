using Personalize.Cli.Hosting;
using Personalize.Cli.Profiles;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Models;
using Personalize.Core.Tokenization;
using Personalize.Inference.Decoding;
using Personalize.Inference.Speculation;

namespace Personalize.Cli.Models;

/// <summary>A drafter and what has to be freed after it.</summary>
internal sealed class Drafting : IDisposable
{
    private readonly DecoderModel? _model;
    private readonly DecoderSession? _session;

    private Drafting(IDrafter? drafter, DecoderModel? model = null, DecoderSession? session = null)
    {
        Drafter = drafter;
        _model = model;
        _session = session;
    }

    /// <summary>The drafter, or null for none.</summary>
    public IDrafter? Drafter { get; }

    public static Drafting None() => new(drafter: null);

    /// <summary>Copies from the prompt and the answer.</summary>
    public static Drafting FromText() => new(new LookupDrafter());

    /// <summary>Guesses a block and refines it with the passes that verify it.</summary>
    public static Drafting FromPasses() => new(new RefinementDrafter());

    /// <summary>Copies also from given texts.</summary>
    public static Drafting FromTexts(IEnumerable<int[]> texts)
    {
        var drafter = new HistoryDrafter();
        foreach (var ids in texts)
        {
            drafter.Add(ids);
        }

        return new Drafting(drafter);
    }

    /// <summary>Copies also from the interactions of the profile, written as the model would read and write them.</summary>
    public static Drafting FromHistory(CommandContext context, Engine engine)
    {
        var drafter = new HistoryDrafter();
        using var profile = ProfileAccess.TryOpenForReading(context);
        if (profile is null)
        {
            context.Output.Warning($"there is no profile at {context.DataDirectory}, so there is no history to draft from");
            return new Drafting(drafter);
        }

        var count = 0;
        foreach (var interaction in profile.Interactions.ReadAll())
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            drafter.Add(engine.Chat.EncodeExample(interaction.Context, interaction.Text).Ids);
            count++;
        }

        context.Output.Note($"drafting from {drafter.TokenCount} tokens of {count} interactions");

        return new Drafting(drafter);
    }

    /// <summary>Writes ahead with a smaller model.</summary>
    /// <exception cref="DraftVocabularyException">It has another vocabulary.</exception>
    public static Drafting FromModel(CommandContext context, Engine engine, string path, int contextLength)
    {
        using var file = GgufFile.Open(path);
        var tokenizer = GgufTokenizer.Load(file.Metadata);
        var model = DecoderModel.Load(file, context.Threads);
        DecoderSession? session = null;
        try
        {
            session = new DecoderSession(model, engine.Pool, new DecoderSessionOptions { ContextLength = contextLength });
            var cost = (double)new FileInfo(path).Length / new FileInfo(engine.Model.Path).Length;
            return new Drafting(new ModelDrafter(session, tokenizer, engine.Tokenizer, cost), model, session);
        }
        catch
        {
            session?.Dispose();
            model.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        _session?.Dispose();
        _model?.Dispose();
    }
}
