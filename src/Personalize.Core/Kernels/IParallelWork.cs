namespace Personalize.Core.Kernels;

/// <summary>A piece of work made of independent units, each of which writes its own outputs, so that the result does not depend on how units fall to threads.</summary>
public interface IParallelWork
{
    /// <summary>Does the units from <paramref name="start"/> up to but not including <paramref name="end"/>.</summary>
    /// <param name="start">The first unit.</param>
    /// <param name="end">One past the last unit.</param>
    void Execute(int start, int end);
}
