using Personalize.Core.Adapters;
using Personalize.Inference.Adapters;
using Personalize.Inference.Decoding;
using Personalize.Inference.Merging;
using Personalize.Inference.Tests.Decoding;

namespace Personalize.Inference.Tests.Adapters;

/// <summary>The adapter that PEFT trained, attached, switched and merged again and again on the real model.</summary>
public sealed class SmolAdapterTests(SmolModelFixture fixture) : IClassFixture<SmolModelFixture>
{
    private const string Peft = "oracles/lora/peft-adapter";
    private const int Cycles = 100;
    private const int Merges = 10;
    private static readonly int[] Ids = [1, 9690, 198, 2683, 359, 253, 5356, 5646];

    [SharedFact(Peft)]
    public void A_hundred_cycles_leave_the_bits_of_the_base()
    {
        var adapter = PeftAdapter.Import(SharedFiles.Resolve(Peft), fixture.Model.Description, fixture.Model.Fingerprint);
        using var session = new DecoderSession(fixture.Model, fixture.Pool, new DecoderSessionOptions { ContextLength = Ids.Length });
        var expected = Logits(session);
        float[]? attachedLogits = null;
        float[]? mergedLogits = null;
        for (var cycle = 0; cycle < Cycles; cycle++)
        {
            using var attached = new AttachedAdapter(adapter, fixture.Model);
            session.SwitchAdapter(attached);
            var logits = Logits(session);
            Assert.Equal(attachedLogits ??= logits, logits);
            session.SwitchAdapter(null);

            // Rounding all weights of the real model takes seconds; each tenth cycle merges, and the tiny models' tests merge in all hundred.
            if (cycle % (Cycles / Merges) == 0)
            {
                using var merge = new AdapterMerge(fixture.Model, adapter, fixture.Pool);
                using var merged = merge.CreateModel();
                using var other = new DecoderSession(merged, fixture.Pool, new DecoderSessionOptions { ContextLength = Ids.Length });
                logits = Logits(other);
                Assert.Equal(mergedLogits ??= logits, logits);
            }

            Assert.Equal(expected, Logits(session));
        }

        Assert.NotEqual(expected, attachedLogits);
        Assert.NotEqual(expected, mergedLogits);
    }

    private static float[] Logits(DecoderSession session)
    {
        session.TruncateTo(0);
        session.Prefill(Ids, CancellationToken.None);
        return session.Logits.ToArray();
    }
}
