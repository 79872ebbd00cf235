using Personalize.Core.Kernels;

namespace Personalize.Training.Steps;

/// <summary>Where a backward adds the gradients of a step or a part of it.</summary>
internal interface IStepGradients
{
    /// <summary>All of them in one flat vector; whole after <see cref="Finish"/>.</summary>
    NativeBuffer<float> Gradients { get; }

    /// <summary>Sets all to 0 before the first micro-batch.</summary>
    void Clear();

    /// <summary>Puts together what was summed in several places, after the last one.</summary>
    void Finish();
}
