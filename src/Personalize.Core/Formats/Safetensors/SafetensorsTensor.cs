namespace Personalize.Core.Formats.Safetensors;

/// <summary>The description of a tensor in a safetensors file; immutable. Its values are reached through the <see cref="SafetensorsFile"/> that it came from.</summary>
public sealed class SafetensorsTensor
{
    internal SafetensorsTensor(string name, SafetensorsType type, long[] shape, long offset, long byteLength, long elementCount)
    {
        Name = name;
        Type = type;
        Shape = shape;
        Offset = offset;
        ByteLength = byteLength;
        ElementCount = elementCount;
    }

    /// <summary>The name; unique in its file.</summary>
    public string Name { get; }

    /// <summary>The type of the elements.</summary>
    public SafetensorsType Type { get; }

    /// <summary>The dimensions, outermost first (row-major); empty for a scalar.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>The first byte of the data, from the start of the file; aligned to nothing.</summary>
    public long Offset { get; }

    /// <summary>The bytes of the data.</summary>
    public long ByteLength { get; }

    /// <summary>The product of the dimensions.</summary>
    public long ElementCount { get; }
}
