using Personalize.Inference.Sampling;

namespace Personalize.Inference.Tests.Sampling;

public class ExponentialTests
{
    private const float RelativeTolerance = 1e-6f;

    [Fact]
    public void Vectorized_equals_scalar_and_keeps_infinities_out()
    {
        var logits = Enumerable.Range(0, 203).Select(i => i == 17 ? float.NegativeInfinity : (i * 37 % 101) - 100f).ToArray();
        var weights = new float[logits.Length];

        var total = Exponential.Apply(logits, 0, 0.5f, weights);

        for (var i = 0; i < logits.Length; i++)
        {
            var expected = Math.Exp(logits[i] * 0.5);
            Assert.InRange(weights[i], expected * (1 - RelativeTolerance), (expected * (1 + RelativeTolerance)) + float.Epsilon);
        }

        Assert.Equal(0, weights[17]);
        Assert.Equal(weights.Sum(weight => (double)weight), total, total * 1e-12);
    }
}
