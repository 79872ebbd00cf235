namespace Personalize.Training.Layers;

/// <summary>Where the gradients of all of a decoder's weights go; views of memory that outlives them. Gradients are added to.</summary>
internal sealed unsafe class StackGradients
{
    /// <summary>Of the token embedding, <c>[vocabulary, hidden]</c>.</summary>
    public required float* Embedding { get; init; }

    /// <summary>Of the output layer, <c>[vocabulary, hidden]</c>; the embedding's own where they are tied.</summary>
    public required float* Output { get; init; }

    /// <summary>Of the last norm, <c>[hidden]</c>.</summary>
    public required float* OutputNorm { get; init; }

    /// <summary>Of the layers in order.</summary>
    public required IReadOnlyList<LayerGradients> Layers { get; init; }
}
