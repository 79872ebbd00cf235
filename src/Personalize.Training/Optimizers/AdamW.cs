using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Personalize.Core.Kernels;

namespace Personalize.Training.Optimizers;

/// <summary>Adam with decoupled weight decay (arXiv 1711.05101), in PyTorch's arrangement of the arithmetic.</summary>
/// <remarks>
/// With gradient g and step t counted from 1: <c>p -= rate * decay * p</c>; <c>m += (g - m)(1 - b1)</c>; <c>v = b2 v + (1 - b2) g^2</c>;
/// <c>p -= rate / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + epsilon)</c>.
/// Groups of parameters may have a rate of their own. Element by element and therefore the same for any vector width. Owns its moments. Not thread-safe.
/// </remarks>
internal sealed unsafe class AdamW : IDisposable
{
    private readonly NativeBuffer<float> _first;
    private readonly NativeBuffer<float> _second;
    private readonly double _beta1;
    private readonly double _beta2;
    private readonly double _epsilon;
    private readonly double _weightDecay;
    private readonly IReadOnlyList<ParameterGroup> _groups;

    public AdamW(long parameterCount, double beta1, double beta2, double epsilon, double weightDecay, IReadOnlyList<ParameterGroup>? groups = null, bool coversAll = true)
    {
        _groups = groups ?? [new ParameterGroup(0, parameterCount)];
        if (coversAll && _groups.Sum(g => g.Length) != parameterCount)
        {
            throw new ArgumentException($"the groups do not cover {parameterCount} parameters", nameof(groups));
        }

        _first = new NativeBuffer<float>(parameterCount);
        _second = new NativeBuffer<float>(parameterCount);
        _beta1 = beta1;
        _beta2 = beta2;
        _epsilon = epsilon;
        _weightDecay = weightDecay;
    }

    /// <summary>How many steps were taken; set where the moments are restored.</summary>
    public int StepCount { get; set; }

    /// <summary>The running means of the gradients.</summary>
    public NativeBuffer<float> FirstMoments => _first;

    /// <summary>The running means of the squared gradients.</summary>
    public NativeBuffer<float> SecondMoments => _second;

    /// <summary>The bytes the moments of so many parameters take.</summary>
    public static long ByteLength(long parameterCount) => 2 * sizeof(float) * parameterCount;

    /// <summary>Updates the parameters with <c>gradientScale * gradients</c>; the gradients themselves stay as they are.</summary>
    public void Step(NativeBuffer<float> parameters, NativeBuffer<float> gradients, double learningRate, float gradientScale)
    {
        if (parameters.Length != _first.Length || gradients.Length != _first.Length)
        {
            throw new ArgumentException($"the optimizer holds moments of {_first.Length} parameters", nameof(parameters));
        }

        StepCount++;
        foreach (var group in _groups)
        {
            Step(parameters.Pointer, gradients.Pointer, group, learningRate * group.RateFactor, gradientScale);
        }
    }

    public void Dispose()
    {
        _first.Dispose();
        _second.Dispose();
    }

    private void Step(float* p, float* g, ParameterGroup group, double learningRate, float gradientScale)
    {
        var c = new Constants(
            (float)(1 - (group.Decays ? learningRate * _weightDecay : 0)),
            (float)(1 - _beta1),
            (float)_beta2,
            (float)(1 - _beta2),
            (float)(learningRate / (1 - Math.Pow(_beta1, StepCount))),
            (float)Math.Sqrt(1 - Math.Pow(_beta2, StepCount)),
            (float)_epsilon,
            gradientScale);
        float* m = _first.Pointer, v = _second.Pointer;
        var (i, end) = (group.Start, group.Start + group.Length);
        for (; i + Vector256<float>.Count <= end; i += Vector256<float>.Count)
        {
            var gradient = Vector256.Load(g + i) * c.GradientScale;
            var first = Vector256.Load(m + i);
            first += (gradient - first) * c.OneMinusBeta1;
            var second = (Vector256.Load(v + i) * c.Beta2) + (gradient * gradient * c.OneMinusBeta2);
            var denominator = (Vector256.Sqrt(second) / c.SecondCorrection) + Vector256.Create(c.Epsilon);
            first.Store(m + i);
            second.Store(v + i);
            ((Vector256.Load(p + i) * c.Keep) - (first / denominator * c.StepSize)).Store(p + i);
        }

        for (; i < end; i++)
        {
            StepScalar(p + i, g[i], m + i, v + i, c);
        }
    }

    private static void StepScalar(float* p, float g, float* m, float* v, in Constants c)
    {
        g *= c.GradientScale;
        *m += (g - *m) * c.OneMinusBeta1;
        *v = (*v * c.Beta2) + (g * g * c.OneMinusBeta2);
        var denominator = (MathF.Sqrt(*v) / c.SecondCorrection) + c.Epsilon;
        *p = (*p * c.Keep) - (*m / denominator * c.StepSize);
    }

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Constants(
        float Keep,
        float OneMinusBeta1,
        float Beta2,
        float OneMinusBeta2,
        float StepSize,
        float SecondCorrection,
        float Epsilon,
        float GradientScale);
}
