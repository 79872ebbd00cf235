using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Training.Data;
using Personalize.Training.Layers;
using Personalize.Training.Losses;

namespace Personalize.Training.Memory;

/// <summary>Every buffer that a forward and a backward write, in one block that is planned before the first of them. Owns the block. Not thread-safe.</summary>
internal sealed unsafe class TrainingWorkspace : IDisposable
{
    private readonly NativeBuffer<float> _block;
    private readonly DecoderDescription _description;
    private Buffers _buffers;

    public TrainingWorkspace(DecoderDescription description, WorkspaceShape shape)
    {
        _description = description;
        Shape = shape;
        _block = new NativeBuffer<float>(ByteLength(description, shape) / sizeof(float));
        _buffers = Divide(shape);
    }

    /// <summary>What was planned: the most of everything.</summary>
    public WorkspaceShape Shape { get; }

    /// <summary>The ids of the packed tokens, <c>[tokens]</c>.</summary>
    public int* TokenIds => _buffers.TokenIds;

    /// <summary>The position of each token in its example, <c>[tokens]</c>.</summary>
    public int* Positions => _buffers.Positions;

    /// <summary>A key for each token, <c>[tokens]</c>; only with dropout.</summary>
    public ulong* TokenKeys => _buffers.TokenKeys;

    /// <summary>Where the examples lie, <c>[examples]</c>.</summary>
    public ExampleRange* Ranges => _buffers.Ranges;

    public LayerScratch Scratch => _buffers.Scratch;

    public LossBuffers Loss => _buffers.Loss;

    /// <summary>The gradient of the residual stream, <c>[tokens, hidden]</c>.</summary>
    public float* StreamGradient => _buffers.StreamGradient;

    /// <summary>How many bytes a workspace of that shape takes; nothing is allocated.</summary>
    public static long ByteLength(DecoderDescription description, WorkspaceShape shape)
    {
        var cursor = new WorkspaceCursor(null);
        _ = new Buffers(ref cursor, description, shape);
        return cursor.Length * sizeof(float);
    }

    /// <summary>The residual stream before a layer, <c>[tokens, hidden]</c>; that of index <c>LayerCount</c> is what the last norm reads. Without a backward it is one buffer.</summary>
    public float* Stream(int layer) => _buffers.Streams + (_buffers.StreamStride * layer);

    /// <summary>Where a layer's activations go. The layers below those that are kept pass through the place of the first kept one.</summary>
    public LayerActivations Activations(int layer) => _buffers.Activations[Math.Max(0, layer - _buffers.FirstKept)];

    /// <summary>Whether the layer's activations are still there when its backward comes.</summary>
    public bool IsKept(int layer) => layer >= _buffers.FirstKept;

    /// <summary>Divides the block anew for a batch: the fewer tokens it has, the more layers find room for their activations. What the buffers held is gone, and their addresses change.</summary>
    /// <param name="tokens">The tokens of the batch, at most those that were planned.</param>
    public void Arrange(int tokens)
    {
        var shape = Shape with { Tokens = tokens };
        for (var kept = Shape.ForBackward ? _description.LayerCount : Shape.KeptLayers; kept > shape.KeptLayers; kept--)
        {
            if (ByteLength(_description, shape with { KeptLayers = kept }) <= _block.ByteLength)
            {
                shape = shape with { KeptLayers = kept };
            }
        }

        _buffers = Divide(shape);
    }

    public void Dispose() => _block.Dispose();

    private Buffers Divide(WorkspaceShape shape)
    {
        var cursor = new WorkspaceCursor(_block.Pointer);
        return new Buffers(ref cursor, _description, shape);
    }

    private sealed class Buffers
    {
        public readonly int* TokenIds;
        public readonly int* Positions;
        public readonly ulong* TokenKeys;
        public readonly ExampleRange* Ranges;
        public readonly float* Streams;
        public readonly long StreamStride;
        public readonly float* StreamGradient;
        public readonly LayerScratch Scratch;
        public readonly LossBuffers Loss;
        public readonly LayerActivations[] Activations;
        public readonly int FirstKept;

        public Buffers(ref WorkspaceCursor cursor, DecoderDescription description, WorkspaceShape shape)
        {
            var stream = (long)shape.Tokens * description.HiddenSize;
            TokenIds = cursor.Elements<int>(shape.Tokens);
            Positions = cursor.Elements<int>(shape.Tokens);
            TokenKeys = cursor.Elements<ulong>(shape.UsesDropout ? shape.Tokens : 0);
            Ranges = cursor.Elements<ExampleRange>(shape.Examples);
            StreamStride = shape.ForBackward ? stream : 0;
            Streams = cursor.Floats(shape.ForBackward ? stream * (description.LayerCount + 1) : stream);
            StreamGradient = cursor.Floats(shape.ForBackward ? stream : 0);
            Scratch = new LayerScratch(ref cursor, description, shape);
            Loss = new LossBuffers(ref cursor, description, shape);
            Activations = new LayerActivations[shape.KeptLayers];
            FirstKept = description.LayerCount - Activations.Length;
            for (var i = 0; i < Activations.Length; i++)
            {
                Activations[i] = new LayerActivations(ref cursor, description, shape);
            }
        }
    }
}
