using Personalize.Core.Quantization;

namespace Personalize.Core.Formats.Gguf;

/// <summary>The description of a tensor in a GGUF file; immutable. Its values are reached through the <see cref="GgufFile"/> that it came from.</summary>
public sealed class GgufTensor
{
    internal GgufTensor(string name, long[] dimensions, GgmlType type, long offset, long byteLength, long elementCount)
    {
        Name = name;
        Dimensions = dimensions;
        Type = type;
        Offset = offset;
        ByteLength = byteLength;
        ElementCount = elementCount;
    }

    /// <summary>The name, for example <c>blk.0.attn_q.weight</c>; unique in its file.</summary>
    public string Name { get; }

    /// <summary>At most four dimensions in GGUF order: the first is the contiguous one, so a weight <c>[out, in]</c> has <c>{in, out}</c>.</summary>
    public IReadOnlyList<long> Dimensions { get; }

    /// <summary>How the elements are stored.</summary>
    public GgmlType Type { get; }

    /// <summary>The first byte of the data, from the start of the file.</summary>
    public long Offset { get; }

    /// <summary>The bytes of the data, without padding.</summary>
    public long ByteLength { get; }

    /// <summary>The product of the dimensions.</summary>
    public long ElementCount { get; }
}
