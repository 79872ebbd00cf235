using System.Buffers.Binary;
using System.Text;

namespace Personalize.Core.Tests.Formats.Gguf;

/// <summary>Puts a GGUF file together byte by byte, so that every field can be wrong. <see cref="Mark"/> remembers where the wrong one stands.</summary>
internal sealed class GgufBytes
{
    private readonly List<byte> _bytes = [];

    public long Marked { get; private set; } = -1;

    public static GgufBytes Start(uint version = 3, long tensors = 0, long keys = 0) =>
        new GgufBytes().Raw("GGUF"u8).U32(version).I64(tensors).I64(keys);

    public GgufBytes Mark()
    {
        Marked = _bytes.Count;
        return this;
    }

    public GgufBytes Raw(ReadOnlySpan<byte> bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    public GgufBytes U32(uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return Raw(bytes);
    }

    public GgufBytes U64(ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        return Raw(bytes);
    }

    public GgufBytes I64(long value) => U64((ulong)value);

    public GgufBytes Text(string value) => U64((ulong)Encoding.UTF8.GetByteCount(value)).Raw(Encoding.UTF8.GetBytes(value));

    public GgufBytes KeyU32(string key, uint value) => Text(key).U32(4).U32(value);

    /// <summary>A tensor's description up to its offset.</summary>
    public GgufBytes Tensor(string name, uint type, params long[] dimensions)
    {
        Text(name).U32((uint)dimensions.Length);
        foreach (var dimension in dimensions)
        {
            I64(dimension);
        }

        return U32(type);
    }

    public GgufBytes PadTo(int alignment)
    {
        while (_bytes.Count % alignment != 0)
        {
            _bytes.Add(0);
        }

        return this;
    }

    public byte[] ToArray() => [.. _bytes];
}
