using Personalize.Core.Kernels;

namespace Personalize.Training.Layers;

/// <summary>What all layers need to know of the batch they compute.</summary>
internal sealed unsafe class LayerPass
{
    /// <summary>The threads.</summary>
    public required WorkerPool Pool { get; init; }

    /// <summary>Covers every position of the batch.</summary>
    public required RotaryTable Rotary { get; init; }

    /// <summary>The buffers that layers share.</summary>
    public required LayerScratch Scratch { get; init; }

    /// <summary>How many packed tokens there are.</summary>
    public required int Tokens { get; init; }

    /// <summary>Where the examples lie.</summary>
    public required ExampleTable Examples { get; init; }

    /// <summary>The position of each token in its example, <c>[tokens]</c>.</summary>
    public required int* Positions { get; init; }

    /// <summary>The dropout of the pairs' inputs; null where there is none, as in an evaluation.</summary>
    public AdapterDropout? Dropout { get; init; }

    /// <summary>A key for each token that says which example and position it is, <c>[tokens]</c>; meaningful where there is dropout.</summary>
    public ulong* TokenKeys { get; init; }
}
