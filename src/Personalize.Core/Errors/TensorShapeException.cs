namespace Personalize.Core.Errors;

/// <summary>An operation met a tensor of another shape than the model's description asks for.</summary>
public sealed class TensorShapeException : PersonalizeException
{
    /// <summary>Names the operation or tensor and both shapes.</summary>
    /// <param name="operation">The operation or the tensor's name.</param>
    /// <param name="expected">The shape that was required, outermost dimension first.</param>
    /// <param name="actual">The shape that was there, outermost dimension first.</param>
    public TensorShapeException(string operation, IReadOnlyList<long> expected, IReadOnlyList<long> actual)
        : base($"{operation}: expected shape [{string.Join(", ", expected)}], found [{string.Join(", ", actual)}]")
    {
        Operation = operation;
        Expected = expected;
        Actual = actual;
    }

    /// <summary>The operation or the tensor's name.</summary>
    public string Operation { get; }

    /// <summary>The shape that was required.</summary>
    public IReadOnlyList<long> Expected { get; }

    /// <summary>The shape that was there.</summary>
    public IReadOnlyList<long> Actual { get; }
}
