using Personalize.Core.Formats.Gguf;
using Personalize.Core.Kernels;
using Personalize.Core.Models;

namespace Personalize.Inference.Tests.Decoding;

/// <summary>The committed model of three layers, for tests that need a real forward pass and no shared file.</summary>
public sealed class TinyModelFixture : IDisposable
{
    public TinyModelFixture()
    {
        using var file = GgufFile.Open(SharedFiles.Fixture("training/llama3.2/model-f16.gguf"));
        Model = DecoderModel.Load(file);
    }

    internal WorkerPool Pool { get; } = new(2);

    internal DecoderModel Model { get; }

    /// <summary>Tokens without a pattern.</summary>
    internal static int[] Tokens(int count, int seed = 1)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(1024))];
    }

    public void Dispose()
    {
        Pool.Dispose();
        Model.Dispose();
    }
}
