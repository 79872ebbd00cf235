using Personalize.Core.Formats.Gguf;
using Personalize.Core.Kernels;
using Personalize.Core.Models;

namespace Personalize.Inference.Tests.Decoding;

/// <summary>The real model, packed once for all tests that need it.</summary>
public sealed class SmolModelFixture : IDisposable
{
    private readonly Lazy<DecoderModel> _model = new(() =>
    {
        using var file = GgufFile.Open(SharedFiles.Resolve(SharedFiles.Model));
        return DecoderModel.Load(file);
    });

    internal WorkerPool Pool { get; } = new(2);

    internal DecoderModel Model => _model.Value;

    public void Dispose()
    {
        Pool.Dispose();
        if (_model.IsValueCreated)
        {
            _model.Value.Dispose();
        }
    }
}
