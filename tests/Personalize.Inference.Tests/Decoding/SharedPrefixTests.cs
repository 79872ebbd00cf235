using Personalize.Core.Adapters;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Inference.Adapters;
using Personalize.Inference.Decoding;

namespace Personalize.Inference.Tests.Decoding;

/// <summary>Tokens of one conversation that another one begins with are copied, and nothing shows that they were not computed.</summary>
public sealed class SharedPrefixTests(TinyModelFixture fixture) : IClassFixture<TinyModelFixture>
{
    private static readonly int[] Common = TinyModelFixture.Tokens(45);
    private static readonly int[] First = [.. Common, .. TinyModelFixture.Tokens(20, seed: 2)];
    private static readonly int[] Second = [.. Common, .. TinyModelFixture.Tokens(30, seed: 3)];

    public static TheoryData<string, DecoderSessionOptions, DecoderSessionOptions> Pairs => new()
    {
        { "the same", new() { ContextLength = 100 }, new() { ContextLength = 100 } },
        { "a larger one", new() { ContextLength = 70 }, new() { ContextLength = 200 } },
        { "a smaller one", new() { ContextLength = 256 }, new() { ContextLength = 80 } },
        { "other chunks", new() { ContextLength = 100, ChunkSize = 7 }, new() { ContextLength = 100, ChunkSize = 64 } },
        { "single precision", new() { ContextLength = 100, KeyValuePrecision = KeyValuePrecision.Single }, new() { ContextLength = 128, KeyValuePrecision = KeyValuePrecision.Single } },
        { "eight bits", new() { ContextLength = 100, KeyValuePrecision = KeyValuePrecision.EightBits }, new() { ContextLength = 128, KeyValuePrecision = KeyValuePrecision.EightBits, ChunkSize = 7 } },
        { "exact arithmetic", new() { ContextLength = 100, Precision = ArithmeticPrecision.Single }, new() { ContextLength = 100, Precision = ArithmeticPrecision.Single } },
        { "a window that nothing left", new() { SinkTokenCount = 4, WindowSize = 80 }, new() { SinkTokenCount = 4, WindowSize = 80 } },
        { "from a window that nothing left", new() { SinkTokenCount = 4, WindowSize = 80 }, new() { ContextLength = 100 } },
        { "into a window that nothing leaves until then", new() { ContextLength = 100 }, new() { SinkTokenCount = 2, WindowSize = 43, ChunkSize = 5 } },
        { "windows that tokens left", new() { SinkTokenCount = 3, WindowSize = 20, RollbackTokens = 15, ChunkSize = 8 }, new() { SinkTokenCount = 3, WindowSize = 20, RollbackTokens = 15, ChunkSize = 8 } },
    };

    [Theory]
    [MemberData(nameof(Pairs))]
    public void What_follows_a_copy_is_the_same_to_the_bit(string name, DecoderSessionOptions from, DecoderSessionOptions into)
    {
        using var source = Open(from);
        using var target = Open(into);
        using var alone = Open(into);
        using var undisturbed = Open(from);

        // So many tokens are taken back as every kind of cache can take back.
        source.Prefill(First.AsSpan(0, Common.Length + 10), CancellationToken.None);
        undisturbed.Prefill(First.AsSpan(0, Common.Length + 10), CancellationToken.None);
        target.Prefill(TinyModelFixture.Tokens(60, seed: 9), CancellationToken.None);

        Assert.True(target.TryTakePrefix(source, Common.Length), name);
        Assert.Equal(Common.Length, target.Position);
        Assert.Throws<InvalidOperationException>(() => { _ = target.Logits; });

        target.Prefill(Second.AsSpan(Common.Length), CancellationToken.None);
        alone.Prefill(Second, CancellationToken.None);
        Assert.Equal(alone.Logits.ToArray(), target.Logits.ToArray());
        target.TruncateTo(Second.Length - 3);
        target.Prefill([1, 2, 3], CancellationToken.None);
        alone.TruncateTo(Second.Length - 3);
        alone.Prefill([1, 2, 3], CancellationToken.None);
        Assert.Equal(alone.Logits.ToArray(), target.Logits.ToArray());

        source.Prefill(First.AsSpan(Common.Length + 10), CancellationToken.None);
        undisturbed.Prefill(First.AsSpan(Common.Length + 10), CancellationToken.None);
        Assert.Equal(undisturbed.Logits.ToArray(), source.Logits.ToArray());
    }

    [Fact]
    public void What_does_not_fit_is_not_taken_and_nothing_is_changed()
    {
        using var file = GgufFile.Open(fixture.Model.Path);
        using var otherModel = DecoderModel.Load(file, threads: 1);
        using var adapter = Adapter(fixture.Model);
        using var target = Open(new() { ContextLength = 100 });
        target.Prefill(First.AsSpan(0, 8), CancellationToken.None);
        var logits = target.Logits.ToArray();
        var wrapped = new DecoderSessionOptions { SinkTokenCount = 3, WindowSize = 20, ChunkSize = 8 };
        DecoderSession[] sources =
        [
            new(otherModel, fixture.Pool, new() { ContextLength = 100 }),
            new(fixture.Model, fixture.Pool, new() { ContextLength = 100 }, adapter),
            Open(new() { ContextLength = 100, Precision = ArithmeticPrecision.Single }),
            Open(new() { ContextLength = 100, KeyValuePrecision = KeyValuePrecision.Single }),
            Open(wrapped),
        ];
        foreach (var source in sources)
        {
            source.Prefill(First, CancellationToken.None);
            Assert.False(target.TryTakePrefix(source, 60));
            Assert.Equal(8, target.Position);
            Assert.Equal(logits, target.Logits.ToArray());
            source.Dispose();
        }

        using var shorter = Open(new() { ContextLength = 100 });
        shorter.Prefill(First.AsSpan(0, 5), CancellationToken.None);
        using var small = Open(new() { ContextLength = 4 });
        using var long1 = Open(wrapped);
        long1.Prefill(First, CancellationToken.None);
        using var long2 = Open(wrapped);

        Assert.False(target.TryTakePrefix(shorter, 6));
        Assert.False(target.TryTakePrefix(target, 4));
        Assert.False(small.TryTakePrefix(shorter, 5));

        // Of these 30 tokens the first ones behind the sinks were overwritten since.
        Assert.False(long2.TryTakePrefix(long1, 30));
        Assert.True(long2.TryTakePrefix(long1, First.Length));
        Assert.Equal(8, target.Position);
    }

    internal static AttachedAdapter Adapter(DecoderModel model, int seed = 5)
    {
        var random = new Random(seed);
        float[] Noise(int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
        var pairs = Enumerable.Range(0, model.Description.LayerCount).Select(layer =>
        {
            var (input, output) = model.GetShape(LinearModule.Value);
            return new LoraPair(layer, LinearModule.Value, 2, Noise(2 * input), Noise(2 * output));
        }).ToArray();
        return new AttachedAdapter(new LoraAdapter(new LoraConfiguration(2, 8, UseRankStabilizedScaling: false, [LinearModule.Value]), model.Fingerprint, pairs), model);
    }

    private DecoderSession Open(DecoderSessionOptions options) => new(fixture.Model, fixture.Pool, options);
}
