using Personalize.Core.Adapters;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Training.Layers;
using Personalize.Training.Steps;

namespace Personalize.Training.Weights;

/// <summary>The gradients of all weights in one flat vector, and where a backward adds to them. Owns its memory. Not thread-safe.</summary>
internal sealed unsafe class WeightGradients : IStepGradients, IDisposable
{
    private readonly WeightLayout _layout;
    private readonly NativeBuffer<float> _tiedOutput;

    public WeightGradients(DecoderDescription description, WeightLayout layout)
    {
        _layout = layout;
        Values = new NativeBuffer<float>(layout.Length);

        // A place of its own until the step's end: each sum then has its own order, however the step is divided into micro-batches.
        _tiedOutput = new NativeBuffer<float>(description.TiesEmbeddings ? layout.Embedding.Length : 0);
        Sinks = CreateSinks();
    }

    public NativeBuffer<float> Values { get; }

    NativeBuffer<float> IStepGradients.Gradients => Values;

    /// <summary>Where a backward adds its gradients.</summary>
    public StackGradients Sinks { get; }

    /// <summary>The bytes the gradients of a model take.</summary>
    public static long ByteLength(DecoderDescription description, WeightLayout layout) => sizeof(float) * (layout.Length + (description.TiesEmbeddings ? layout.Embedding.Length : 0));

    /// <summary>Sets all gradients to 0 before a step.</summary>
    public void Clear()
    {
        Values.Span.Clear();
        _tiedOutput.Span.Clear();
    }

    /// <summary>Puts the two parts of a tied embedding's gradient together at the end of a step.</summary>
    public void Finish() => VectorAdd.InPlace(Values.Pointer + _layout.Embedding.Start, _tiedOutput.Pointer, _tiedOutput.Length);

    public void Dispose()
    {
        Values.Dispose();
        _tiedOutput.Dispose();
    }

    private StackGradients CreateSinks()
    {
        float* At(WeightSlot slot) => Values.Pointer + slot.Start;
        return new StackGradients
        {
            Embedding = At(_layout.Embedding),
            Output = _tiedOutput.Length > 0 ? _tiedOutput.Pointer : At(_layout.Output),
            OutputNorm = At(_layout.OutputNorm),
            Layers =
            [
                .. _layout.Layers.Select(slots => new LayerGradients
                {
                    AttentionNorm = At(slots.AttentionNorm),
                    FeedForwardNorm = At(slots.FeedForwardNorm),
                    Maps = [.. LoraConfiguration.AllTargets.Select(module => new LinearGradient { Weight = At(slots.Maps[(int)module]), Bias = slots.BiasOf(module) is { } bias ? At(bias) : null })],
                }),
            ],
        };
    }
}
