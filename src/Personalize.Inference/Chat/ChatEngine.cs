using Personalize.Core.Formats.Gguf;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Core.Tokenization;

namespace Personalize.Inference.Chat;

/// <summary>A model file with its threads and its format: what a container owns on behalf of a client. Made before the client and so disposed after it.</summary>
internal sealed class ChatEngine : IDisposable
{
    private readonly TimeProvider _time;
    private readonly DecoderModel _model;
    private readonly ChatFormat _format;
    private readonly WorkerPool _pool;

    /// <summary>Loads a model.</summary>
    public ChatEngine(string path, int threads, TimeProvider time)
    {
        _time = time;
        using var file = GgufFile.Open(path);
        _format = ChatFormat.Load(file.Metadata, time);
        _model = DecoderModel.Load(file, threads);
        _pool = new WorkerPool(threads);
    }

    public PersonalizeChatClient CreateClient(PersonalizeChatOptions? options) => new(_model, _format, _pool, options, adapter: null, _time);

    public void Dispose()
    {
        _pool.Dispose();
        _model.Dispose();
    }
}
