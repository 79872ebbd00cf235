using Personalize.Core.Formats.Gguf;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Inference.Decoding;

namespace Personalize.Inference.Tests.Speculation;

/// <summary>The small random model of <c>tests/Oracles/training</c>.</summary>
public sealed class TinyModelFixture : IDisposable
{
    private readonly DecoderModel _model;
    private readonly WorkerPool _pool = new(1);

    public TinyModelFixture()
    {
        using var file = GgufFile.Open(SharedFiles.Fixture("training/llama3.2/model-f16.gguf"));
        _model = DecoderModel.Load(file, threads: 1);
    }

    internal int VocabularySize => _model.Description.VocabularySize;

    public void Dispose()
    {
        _pool.Dispose();
        _model.Dispose();
    }

    internal DecoderSession Open(int contextLength = 128) => new(_model, _pool, new DecoderSessionOptions { ContextLength = contextLength });
}
