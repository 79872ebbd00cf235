using Personalize.Cli.Hosting;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Core.Tokenization;
using Personalize.Inference.Adapters;
using Personalize.Inference.Decoding;

namespace Personalize.Cli.Models;

/// <summary>A model ready to serve: weights, tokenizer, threads, and the adapter that was chosen.</summary>
internal sealed class Engine : IDisposable
{
    private readonly AttachedAdapter? _adapter;

    private Engine(DecoderModel model, ITokenizer tokenizer, WorkerPool pool, AttachedAdapter? adapter)
    {
        Model = model;
        Tokenizer = tokenizer;
        Pool = pool;
        _adapter = adapter;
    }

    public DecoderModel Model { get; }

    public ITokenizer Tokenizer { get; }

    public WorkerPool Pool { get; }

    /// <summary>Loads the model of a command.</summary>
    public static Engine Load(CommandContext context)
    {
        using var file = ModelFile.Open(context);
        var tokenizer = GgufTokenizer.Load(file.Metadata);
        var model = DecoderModel.Load(file, context.Threads);
        return new Engine(model, tokenizer, new WorkerPool(context.Threads), adapter: null);
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
        new(Model, Pool, new DecoderSessionOptions { ContextLength = contextLength, Precision = precision }, _adapter);

    public void Dispose()
    {
        _adapter?.Dispose();
        Pool.Dispose();
        Model.Dispose();
    }
}
