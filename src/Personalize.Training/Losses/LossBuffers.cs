using Personalize.Core.Models;
using Personalize.Training.Data;
using Personalize.Training.Memory;

namespace Personalize.Training.Losses;

/// <summary>What <see cref="CrossEntropy"/> works in: one chunk of logits, never all of them.</summary>
internal sealed unsafe class LossBuffers
{
    public LossBuffers(ref WorkspaceCursor cursor, DecoderDescription description, WorkspaceShape shape)
    {
        long rows = Math.Min(CrossEntropy.RowsPerChunk, shape.Tokens), gradientRows = shape.ForBackward ? rows : 0;
        Positions = cursor.Elements<LossPosition>(shape.Tokens);
        Nll = cursor.Elements<double>(shape.Tokens);
        Normalized = cursor.Floats(rows * description.HiddenSize);
        NormalizedGradient = cursor.Floats(gradientRows * description.HiddenSize);
        Logits = cursor.Floats(rows * description.VocabularySize);
    }

    /// <summary>The rows that carry loss, at most <c>[tokens]</c>.</summary>
    public LossPosition* Positions { get; }

    /// <summary>The negative log-likelihood of each of them, in nats.</summary>
    public double* Nll { get; }

    /// <summary><c>[chunk, hidden]</c>.</summary>
    public float* Normalized { get; }

    /// <summary><c>[chunk, hidden]</c>.</summary>
    public float* NormalizedGradient { get; }

    /// <summary><c>[chunk, vocabulary]</c>; the gradient takes its place.</summary>
    public float* Logits { get; }
}
