using Personalize.Core.Errors;
using Personalize.Core.Quantization;
using Personalize.Inference.Adapters;
using Personalize.Inference.Decoding;
using Personalize.Inference.Generation;
using Personalize.Inference.Tests.Generation;
using Personalize.Inference.Tests.Merging;

namespace Personalize.Inference.Tests.Adapters;

/// <summary>Adapters exchanged within one session, whose model and buffers stay where they are.</summary>
public sealed class AdapterSwitchTests : IDisposable
{
    private static readonly int[] Ids = [3, 1, 4, 15, 9, 26, 5, 35, 8];
    private readonly TinyMerge _tiny = new(GgmlType.Q4_1);

    public void Dispose() => _tiny.Dispose();

    [Fact]
    public void Each_request_gets_what_a_session_of_its_adapter_gives()
    {
        using var narrow = new AttachedAdapter(RandomAdapter.Create(_tiny.Model, seed: 1, rank: 4), _tiny.Model);
        using var wide = new AttachedAdapter(RandomAdapter.Create(_tiny.Model, seed: 2, rank: 24), _tiny.Model);
        var expected = new[] { null, narrow, wide }.Select(Alone).ToArray();
        using var session = Open(null);
        for (var i = 0; i < 12; i++)
        {
            session.SwitchAdapter(new[] { null, narrow, wide }[i % 3]);
            Assert.Equal(0, session.Position);
            session.Prefill(Ids, CancellationToken.None);
            Assert.Equal(expected[i % 3], session.Logits.ToArray());
        }

        Assert.NotEqual(expected[0], expected[1]);
        Assert.NotEqual(expected[1], expected[2]);
    }

    [Fact]
    public void A_generator_computes_its_prompt_anew_after_a_switch()
    {
        using var attached = new AttachedAdapter(RandomAdapter.Create(_tiny.Model, seed: 1), _tiny.Model);
        var request = new GenerationRequest { Prompt = Ids, MaxTokens = 12, StopTokens = [] };
        using var other = Open(attached);
        var expected = new TextGenerator(other, new ByteTokenizer(), TimeProvider.System).Generate(request).RunToEnd();
        using var session = Open(null);
        var generator = new TextGenerator(session, new ByteTokenizer(), TimeProvider.System);
        var plain = generator.Generate(request).RunToEnd();
        Assert.Equal(Ids.Length - 1, generator.Generate(request).RunToEnd().ReusedTokens);
        session.SwitchAdapter(attached);
        var actual = generator.Generate(request).RunToEnd();
        Assert.Equal(0, actual.ReusedTokens);
        Assert.Equal(expected.Ids, actual.Ids);
        Assert.NotEqual(plain.Ids, actual.Ids);
    }

    [Fact]
    public void An_adapter_of_another_base_is_refused_and_the_session_goes_on()
    {
        using var other = new TinyMerge(GgmlType.Q8_0);
        using var foreign = new AttachedAdapter(other.Adapter, other.Model);
        using var session = Open(null);
        session.Prefill(Ids, CancellationToken.None);
        var logits = session.Logits.ToArray();
        Assert.Throws<AdapterMismatchException>(() => session.SwitchAdapter(foreign));
        Assert.Equal(Ids.Length, session.Position);
        Assert.Equal(logits, session.Logits.ToArray());
        Assert.Throws<AdapterMismatchException>(() => new AttachedAdapter(other.Adapter, _tiny.Model));
    }

    private DecoderSession Open(AttachedAdapter? adapter) => new(_tiny.Model, _tiny.Pool, options: null, adapter);

    private float[] Alone(AttachedAdapter? adapter)
    {
        using var session = Open(adapter);
        session.Prefill(Ids, CancellationToken.None);
        return session.Logits.ToArray();
    }
}
