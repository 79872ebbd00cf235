using System.Buffers;
using System.Buffers.Binary;
using System.Text.Json;
using Personalize.Core.Quantization;

namespace Personalize.Core.Formats.Safetensors;

/// <summary>
/// Collects metadata and tensors and writes them as safetensors: the data in the order of adding, the header padded with spaces to a multiple of 8 bytes.
/// Values are converted while writing, so they must stay unchanged until then. Not thread-safe.
/// </summary>
public sealed class SafetensorsWriter
{
    private const int HeaderAlignment = 8;
    private const int LargestPiece = 1 << 14;
    private const string MetadataName = "__metadata__";

    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);
    private readonly OrderedDictionary<string, Tensor> _tensors = new(StringComparer.Ordinal);

    /// <summary>Adds a string to <c>__metadata__</c>.</summary>
    /// <param name="key">A new key.</param>
    /// <param name="value">The value.</param>
    /// <exception cref="ArgumentException">The key stands already.</exception>
    public void AddMetadata(string key, string value)
    {
        ArgumentNullException.ThrowIfNull(value);
        _metadata.Add(key, value);
    }

    /// <summary>Adds a tensor.</summary>
    /// <param name="name">A new name.</param>
    /// <param name="type">F32, F16 or BF16; rounded to nearest, ties to even.</param>
    /// <param name="shape">Outermost dimension first; empty for a scalar.</param>
    /// <param name="values">Row-major; not copied, so unchanged until <see cref="Write"/> is done.</param>
    /// <exception cref="ArgumentException">The name is taken or reserved, the type holds no floats, or shape and length disagree.</exception>
    public void AddTensor(string name, SafetensorsType type, ReadOnlySpan<long> shape, ReadOnlyMemory<float> values)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (!SafetensorsTypes.TryGetBlockType(type, out var blockType))
        {
            throw new ArgumentException($"type {type} is not written", nameof(type));
        }

        var elementCount = 1L;
        foreach (var dimension in shape)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(dimension, nameof(shape));
            elementCount = checked(elementCount * dimension);
        }

        if (elementCount != values.Length)
        {
            throw new ArgumentException($"tensor {name} needs {elementCount} values, not {values.Length}", nameof(values));
        }

        if (name == MetadataName || !_tensors.TryAdd(name, new(type, blockType, shape.ToArray(), values)))
        {
            throw new ArgumentException($"tensor name {name} stands already or is reserved", nameof(name));
        }
    }

    /// <summary>Writes the file front to back; can be called again.</summary>
    /// <param name="stream">Written from its position on, neither flushed nor closed; use <see cref="AtomicFile.Write"/> for files.</param>
    /// <exception cref="IOException">The stream failed.</exception>
    public void Write(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        var header = BuildHeader();
        Span<byte> length = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.WrittenCount);
        stream.Write(length);
        stream.Write(header.WrittenSpan);
        var buffer = new byte[LargestPiece * sizeof(float)];
        foreach (var (_, tensor) in _tensors)
        {
            for (var values = tensor.Values; values.Length > 0;)
            {
                var piece = values[..Math.Min(values.Length, LargestPiece)];
                var bytes = buffer.AsSpan(0, piece.Length * SafetensorsTypes.SizeOf(tensor.Type));
                BlockCodec.Quantize(tensor.BlockType, piece.Span, bytes);
                stream.Write(bytes);
                values = values[piece.Length..];
            }
        }
    }

    private ArrayBufferWriter<byte> BuildHeader()
    {
        var header = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(header))
        {
            json.WriteStartObject();
            WriteMetadata(json);
            var offset = 0L;
            foreach (var (name, tensor) in _tensors)
            {
                var end = offset + ((long)tensor.Values.Length * SafetensorsTypes.SizeOf(tensor.Type));
                WriteEntry(json, name, tensor, offset, end);
                offset = end;
            }

            json.WriteEndObject();
        }

        while (header.WrittenCount % HeaderAlignment != 0)
        {
            header.Write(" "u8);
        }

        return header;
    }

    private void WriteMetadata(Utf8JsonWriter json)
    {
        if (_metadata.Count == 0)
        {
            return;
        }

        json.WriteStartObject(MetadataName);
        foreach (var (key, value) in _metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            json.WriteString(key, value);
        }

        json.WriteEndObject();
    }

    private static void WriteEntry(Utf8JsonWriter json, string name, Tensor tensor, long begin, long end)
    {
        json.WriteStartObject(name);
        json.WriteString("dtype", tensor.Type.ToString());
        json.WriteStartArray("shape");
        foreach (var dimension in tensor.Shape)
        {
            json.WriteNumberValue(dimension);
        }

        json.WriteEndArray();
        json.WriteStartArray("data_offsets");
        json.WriteNumberValue(begin);
        json.WriteNumberValue(end);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private sealed record Tensor(SafetensorsType Type, GgmlType BlockType, long[] Shape, ReadOnlyMemory<float> Values);
}
