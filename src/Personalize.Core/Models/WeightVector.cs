using Personalize.Core.Kernels;

namespace Personalize.Core.Models;

/// <summary>A frozen vector in single precision: the gain of a norm or a bias.</summary>
public sealed unsafe class WeightVector : IDisposable
{
    private readonly NativeBuffer<float> _values;

    /// <summary>Copies the values.</summary>
    /// <param name="values">The vector's elements.</param>
    public WeightVector(ReadOnlySpan<float> values)
    {
        _values = new NativeBuffer<float>(values.Length);
        values.CopyTo(_values.Span);
    }

    /// <summary>How many elements there are.</summary>
    public int Length => (int)_values.Length;

    /// <summary>The first element; valid until disposal.</summary>
    public float* Pointer => _values.Pointer;

    /// <inheritdoc/>
    public void Dispose() => _values.Dispose();
}
