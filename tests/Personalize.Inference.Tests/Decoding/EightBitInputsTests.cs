using Personalize.Core.Adapters;
using Personalize.Core.Models;
using Personalize.Core.Quantization;
using Personalize.Inference.Decoding;
using Personalize.Inference.Tests.Merging;

namespace Personalize.Inference.Tests.Decoding;

public sealed unsafe class EightBitInputsTests
{

    // A scale in half precision is off by at most 2^-11 of itself, or by 2^-25 where it is subnormal.
    private const float RelativeErrorOfScale = 1f / (1 << 11);
    private const float SmallestErrorOfScale = 1f / (1 << 25);
    private static readonly int[] Ids = [3, 1, 4, 15, 9, 26, 5, 35, 8, 9, 7, 9, 32, 38, 46];

    [Fact]
    public void Rounding_worked_by_hand()
    {
        var x = new float[96];
        (x[0], x[1], x[2], x[3], x[4]) = (127, 1.4f, -1.6f, 0.5f, 0.25f);

        // The second block is zero; the third has steps of 2.
        (x[64], x[65], x[66]) = (-254, 3.1f, 0.9f);
        var rounded = new float[96];
        EightBitInputs.Round(x, rounded);
        Assert.Equal([127, 1, -2, 1, 0], rounded[..5]);
        Assert.All(rounded[5..64], value => Assert.Equal(0, value));
        Assert.Equal([-254, 4, 0], rounded[64..67]);
    }

    [Fact]
    public void No_value_moves_by_more_than_half_a_step()
    {
        var random = new Random(5);
        for (var round = 0; round < 200; round++)
        {
            var spread = MathF.Pow(10, random.Next(-3, 4));
            var x = Enumerable.Range(0, 32).Select(_ => spread * (float)((2 * random.NextDouble()) - 1)).ToArray();
            var rounded = new float[32];
            EightBitInputs.Round(x, rounded);
            var largest = x.Max(Math.Abs);
            Assert.All(x.Zip(rounded), pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, (largest / 127 / 2) + MathF.Max(largest * RelativeErrorOfScale, 127 * SmallestErrorOfScale)));
        }
    }

    [Fact]
    public void Rounding_every_map_of_a_group_equals_rounding_their_input()
    {
        using var tiny = new TinyMerge(GgmlType.Q4_1);
        var plain = Feed(tiny, _ => { });
        Assert.Equal(plain, Feed(tiny, session => session.EightBitInputs = new EightBitInputs((_, _) => false, isOutputLayerRounded: false)));
        foreach (var (group, maps) in new[] { (LinearModule.Query, 3), (LinearModule.Output, 1), (LinearModule.Gate, 2), (LinearModule.Down, 1) })
        {
            var inPlace = Feed(tiny, session => session.OnProjectionInput = (_, module, x, rows) =>
            {
                var values = new Span<float>(x, module == group ? rows * tiny.Model.GetShape(group).Input : 0);
                EightBitInputs.Round(values, values);
            });
            Assert.Equal(inPlace, Feed(tiny, session => session.EightBitInputs = new EightBitInputs((_, module) => module >= group && module < group + maps, isOutputLayerRounded: false)));
            Assert.NotEqual(plain, inPlace);
            if (maps > 1)
            {
                var one = Feed(tiny, session => session.EightBitInputs = new EightBitInputs((_, module) => module == group, isOutputLayerRounded: false));
                Assert.NotEqual(plain, one);
                Assert.NotEqual(inPlace, one);
            }
        }

        Assert.NotEqual(plain, Feed(tiny, session => session.EightBitInputs = new EightBitInputs((_, _) => false, isOutputLayerRounded: true)));
    }

    [Fact]
    public void Replaying_from_a_layer_equals_feeding_anew()
    {
        using var tiny = new TinyMerge(GgmlType.Q4_1);
        using var session = Open(tiny);
        var states = new Dictionary<int, float[]>();
        var plain = new List<float>();
        session.Feed(Ids, (_, logits) => plain.AddRange(logits), (layer, _, values) => states[layer] = values.ToArray(), CancellationToken.None);

        // The changed layer comes first, so that what it leaves in the cache would show.
        foreach (var (layer, module) in new[] { (1, LinearModule.Value), (0, LinearModule.Key), (1, LinearModule.Gate), (0, LinearModule.Down) })
        {
            using var rounding = new EightBitInputs((l, m) => l == layer && m == module, isOutputLayerRounded: false);
            session.EightBitInputs = rounding;
            Assert.Equal(Feed(tiny, other => other.EightBitInputs = new EightBitInputs((l, m) => l == layer && m == module, isOutputLayerRounded: false)), Replay(session, layer, states[layer]));
            session.EightBitInputs = null;
            Assert.Equal(plain, Replay(session, 0, states[0]));
            Assert.Equal(plain, Replay(session, 1, states[1]));
        }

        Assert.Throws<ArgumentException>(() => session.Replay(0, states[0].AsSpan(1), (_, _) => { }));
    }

    private static List<float> Replay(DecoderSession session, int layer, float[] stream)
    {
        var all = new List<float>();
        session.Replay(layer, stream, (_, logits) => all.AddRange(logits));
        return all;
    }

    private static List<float> Feed(TinyMerge tiny, Action<DecoderSession> prepare)
    {
        using var session = Open(tiny);
        prepare(session);
        var all = new List<float>();
        session.Feed(Ids, (_, logits) => all.AddRange(logits), onHiddenState: null, CancellationToken.None);
        session.EightBitInputs?.Dispose();
        return all;
    }

    private static DecoderSession Open(TinyMerge tiny) => new(tiny.Model, tiny.Pool, new DecoderSessionOptions { ContextLength = 32, Precision = ArithmeticPrecision.Single });
}
