using Personalize.Cli.Hosting;
using Personalize.Core.Adapters;
using Personalize.Core.Errors;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Core.Tokenization;
using Personalize.Core.Tokenization.Templates;
using Personalize.Inference.Adapters;
using Personalize.Inference.Decoding;

namespace Personalize.Cli.Models;

/// <summary>A model ready to serve: weights, tokenizer, threads, and the adapter that was chosen.</summary>
internal sealed class Engine : IDisposable
{
    private const string ChatTemplateKey = "tokenizer.chat_template";
    private readonly string? _chatTemplate;
    private readonly string? _name;
    private readonly TimeProvider _time;
    private AttachedAdapter? _attached;

    private Engine(GgufFile file, CommandContext context)
    {
        // Not the metadata: most of them are the vocabulary's texts, which the tokenizer keeps in its own way.
        _ = file.Metadata.TryGetString(ChatTemplateKey, out _chatTemplate);
        _ = file.Metadata.TryGetString("general.name", out _name);
        _time = context.Time;
        Tokenizer = GgufTokenizer.Load(file.Metadata);
        Model = DecoderModel.Load(file, context.Threads);
        Pool = new WorkerPool(context.Threads);
    }

    public DecoderModel Model { get; }

    public ITokenizer Tokenizer { get; }

    public WorkerPool Pool { get; }

    /// <summary>Tokenizer and chat template together.</summary>
    /// <exception cref="ModelFormatException">The model has no chat template.</exception>
    public ChatFormat Chat => field ??= new ChatFormat(Tokenizer, ChatTemplate.Parse(_chatTemplate ?? throw new ModelFormatException(ModelFormatError.MissingKey, Model.Path, "the model has no chat template", key: ChatTemplateKey), _time));

    /// <summary>What the file calls the model, else the file's name.</summary>
    public string Name => _name ?? Path.GetFileName(Model.Path);

    /// <summary>How conversations keep keys and values; null leaves it to the arithmetic.</summary>
    public KeyValuePrecision? CachePrecision { get; set; }

    /// <summary>The adapter in use, or null for the base model.</summary>
    public LoraAdapter? Adapter { get; private set; }

    /// <summary>Loads the model of a command, and an adapter.</summary>
    /// <param name="context">Names the model and the profile.</param>
    /// <param name="adapter">What <c>--adapter</c> says; null is the profile's promoted one.</param>
    public static Engine Load(CommandContext context, string? adapter)
    {
        using var file = ModelFile.Open(context);
        var engine = new Engine(file, context);
        try
        {
            engine.Attach(AdapterChoice.Find(context, adapter, engine.Model));

            // Once, before a process that may stay for long: reading a vocabulary leaves behind as much as the tokenizer keeps.
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            return engine;
        }
        catch
        {
            engine.Dispose();
            throw;
        }
    }

    /// <summary>Encodes a bare text, with the token that starts a text where the model was trained with one.</summary>
    public int[] EncodeText(string text)
    {
        var ids = Tokenizer.Encode(text, parseSpecialTokens: true);
        return Tokenizer is { PrependsBeginningOfText: true, BeginningOfText: { } start } && ids.FirstOrDefault(-1) != start ? [start, .. ids] : ids;
    }

    /// <summary>Starts a conversation.</summary>
    /// <param name="contextLength">How many tokens it may come to hold; what the model was trained for is the limit.</param>
    /// <param name="precision">The arithmetic.</param>
    public DecoderSession CreateSession(int contextLength, ArithmeticPrecision precision) =>
        CreateSession(new DecoderSessionOptions { ContextLength = contextLength, Precision = precision });

    /// <summary>Starts a conversation.</summary>
    /// <param name="options">Sizes and arithmetic, checked before.</param>
    public DecoderSession CreateSession(DecoderSessionOptions options) => new(Model, Pool, options with { KeyValuePrecision = options.KeyValuePrecision ?? CachePrecision }, _attached);

    public void Dispose()
    {
        _attached?.Dispose();
        Pool.Dispose();
        Model.Dispose();
    }

    private void Attach(LoraAdapter? adapter)
    {
        if (adapter is not null)
        {
            _attached = new AttachedAdapter(adapter, Model, Pool);
            Adapter = adapter;
        }
    }
}
