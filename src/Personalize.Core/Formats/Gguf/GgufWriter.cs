using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using Personalize.Core.Quantization;

namespace Personalize.Core.Formats.Gguf;

/// <summary>
/// Collects metadata and tensors and writes them as GGUF version 3, in the order in which they were added. Tensor data is fetched while writing, so a model
/// never stands in memory twice; what was passed must stay unchanged until then. Not thread-safe.
/// </summary>
/// <remarks>Misuse (an empty or repeated key, a row that is not whole blocks) throws <see cref="ArgumentException"/>: what this class writes, <see cref="GgufFile"/> opens.</remarks>
public sealed class GgufWriter
{
    private const string AlignmentKey = "general.alignment";
    private const int LongestKey = 65_535;
    private const int LongestTensorName = 63;
    private const int MostDimensions = 4;
    private const int LargestAlignment = 1 << 20;

    private readonly int _alignment;
    private readonly ArrayBufferWriter<byte> _metadata = new();
    private readonly ArrayBufferWriter<byte> _descriptions = new();
    private readonly HashSet<string> _keys = new(StringComparer.Ordinal);
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private readonly List<(long ByteLength, Action<Stream> Write)> _tensors = [];
    private long _dataLength;

    /// <summary>Starts an empty file.</summary>
    /// <param name="alignment">What tensor offsets are multiples of: a power of two up to 1 MiB; written as <c>general.alignment</c> unless it is the default 32.</param>
    public GgufWriter(int alignment = 32)
    {
        if (!BitOperations.IsPow2(alignment) || alignment > LargestAlignment)
        {
            throw new ArgumentOutOfRangeException(nameof(alignment), alignment, "not a power of two up to 1 MiB");
        }

        _alignment = alignment;
        if (alignment != 32)
        {
            AddScalar(AlignmentKey, GgufValueType.UInt32, (uint)alignment);
        }
    }

    /// <summary>Adds an unsigned 8-bit integer.</summary>
    /// <param name="key">A new key.</param>
    /// <param name="value">The value.</param>
    public void AddUInt8(string key, byte value) => AddScalar(key, GgufValueType.UInt8, value);

    /// <summary>Adds a signed 8-bit integer.</summary>
    /// <param name="key">A new key.</param>
    /// <param name="value">The value.</param>
    public void AddInt8(string key, sbyte value) => AddScalar(key, GgufValueType.Int8, value);

    /// <summary>Adds an unsigned 16-bit integer.</summary>
    /// <param name="key">A new key.</param>
    /// <param name="value">The value.</param>
    public void AddUInt16(string key, ushort value) => AddScalar(key, GgufValueType.UInt16, value);

    /// <summary>Adds a signed 16-bit integer.</summary>
    /// <param name="key">A new key.</param>
    /// <param name="value">The value.</param>
    public void AddInt16(string key, short value) => AddScalar(key, GgufValueType.Int16, value);

    /// <summary>Adds an unsigned 32-bit integer, the usual type of counts and ids.</summary>
    /// <param name="key">A new key.</param>
    /// <param name="value">The value.</param>
    public void AddUInt32(string key, uint value) => AddScalar(key, GgufValueType.UInt32, value);

    /// <summary>Adds a signed 32-bit integer.</summary>
    /// <param name="key">A new key.</param>
    /// <param name="value">The value.</param>
    public void AddInt32(string key, int value) => AddScalar(key, GgufValueType.Int32, value);

    /// <summary>Adds an unsigned 64-bit integer.</summary>
    /// <param name="key">A new key.</param>
    /// <param name="value">The value.</param>
    public void AddUInt64(string key, ulong value) => AddScalar(key, GgufValueType.UInt64, value);

    /// <summary>Adds a signed 64-bit integer.</summary>
    /// <param name="key">A new key.</param>
    /// <param name="value">The value.</param>
    public void AddInt64(string key, long value) => AddScalar(key, GgufValueType.Int64, value);

    /// <summary>Adds a single.</summary>
    /// <param name="key">A new key.</param>
    /// <param name="value">The value.</param>
    public void AddSingle(string key, float value) => AddScalar(key, GgufValueType.Float32, value);

    /// <summary>Adds a double.</summary>
    /// <param name="key">A new key.</param>
    /// <param name="value">The value.</param>
    public void AddDouble(string key, double value) => AddScalar(key, GgufValueType.Float64, value);

    /// <summary>Adds a boolean.</summary>
    /// <param name="key">A new key.</param>
    /// <param name="value">The value.</param>
    public void AddBoolean(string key, bool value) => AddScalar(key, GgufValueType.Boolean, value ? (byte)1 : (byte)0);

    /// <summary>Adds a string.</summary>
    /// <param name="key">A new key.</param>
    /// <param name="value">The value.</param>
    public void AddString(string key, string value)
    {
        ArgumentNullException.ThrowIfNull(value);
        AddKey(key, GgufValueType.String);
        _metadata.WriteText(value);
    }

    /// <summary>Adds an array of strings.</summary>
    /// <param name="key">A new key.</param>
    /// <param name="values">The elements.</param>
    public void AddStrings(string key, IReadOnlyCollection<string> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        AddArrayKey(key, GgufValueType.String, values.Count);
        foreach (var value in values)
        {
            _metadata.WriteText(value);
        }
    }

    /// <summary>Adds an array of numbers or booleans.</summary>
    /// <typeparam name="T">One of the .NET types of the eleven scalar value types, <see cref="byte"/> to <see cref="double"/> and <see cref="bool"/>.</typeparam>
    /// <param name="key">A new key.</param>
    /// <param name="values">The elements, copied.</param>
    /// <exception cref="NotSupportedException">GGUF has no such element type.</exception>
    public void AddArray<T>(string key, ReadOnlySpan<T> values)
        where T : unmanaged
    {
        AddArrayKey(key, GgufEncoding.TypeOf<T>(), values.Length);
        foreach (ref readonly var value in values)
        {
            _metadata.WriteScalar(value);
        }
    }

    /// <summary>Adds the pairs of another file as they are stored, except the alignment, which is this writer's own.</summary>
    /// <param name="source">The other file's metadata.</param>
    /// <param name="except">Keys to leave out, for example those added with other values.</param>
    public void CopyMetadata(GgufMetadata source, params IReadOnlyCollection<string> except)
    {
        ArgumentNullException.ThrowIfNull(source);
        foreach (var key in source.Keys)
        {
            if (key != AlignmentKey && !except.Contains(key, StringComparer.Ordinal))
            {
                RegisterKey(key);
                _metadata.WriteText(key);
                _metadata.Write(source.GetStored(key));
            }
        }
    }

    /// <summary>Adds a tensor whose bytes are in memory.</summary>
    /// <param name="name">A new name of at most 63 bytes.</param>
    /// <param name="type">How the elements are stored.</param>
    /// <param name="dimensions">At most four, the contiguous one first.</param>
    /// <param name="data">The bytes; not copied, so unchanged until <see cref="Write"/> is done.</param>
    /// <exception cref="ArgumentException">The name, the dimensions or the length are wrong.</exception>
    public void AddTensor(string name, GgmlType type, ReadOnlySpan<long> dimensions, ReadOnlyMemory<byte> data)
    {
        if (GetByteLength(type, dimensions) != data.Length)
        {
            throw new ArgumentException($"tensor {name} needs {GetByteLength(type, dimensions)} bytes, not {data.Length}", nameof(data));
        }

        AddTensor(name, type, dimensions, stream => stream.Write(data.Span));
    }

    /// <summary>Adds a tensor of an open file, in its stored form; any known type will do.</summary>
    /// <param name="source">The file; it stays open until <see cref="Write"/> is done.</param>
    /// <param name="tensor">A tensor of that file.</param>
    /// <exception cref="ArgumentException">The name stands already, or the tensor is of another file.</exception>
    public void AddTensor(GgufFile source, GgufTensor tensor)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(tensor);
        AddTensor(tensor.Name, tensor.Type, [.. tensor.Dimensions], stream => source.CopyStored(tensor, stream));
    }

    /// <summary>Adds a tensor whose bytes are made while writing.</summary>
    /// <param name="name">A new name of at most 63 bytes.</param>
    /// <param name="type">How the elements are stored.</param>
    /// <param name="dimensions">At most four, the contiguous one first.</param>
    /// <param name="write">Writes exactly the bytes of whole blocks; called at each <see cref="Write"/>.</param>
    /// <exception cref="ArgumentException">The name or the dimensions are wrong.</exception>
    public void AddTensor(string name, GgmlType type, ReadOnlySpan<long> dimensions, Action<Stream> write)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(write);
        var byteLength = GetByteLength(type, dimensions);
        if (Encoding.UTF8.GetByteCount(name) > LongestTensorName || !_names.Add(name))
        {
            throw new ArgumentException($"tensor name {name} is longer than {LongestTensorName} bytes or stands already", nameof(name));
        }

        _descriptions.WriteText(name);
        _descriptions.WriteScalar((uint)dimensions.Length);
        foreach (var dimension in dimensions)
        {
            _descriptions.WriteScalar(dimension);
        }

        _descriptions.WriteScalar((uint)type);
        _descriptions.WriteScalar(_dataLength);
        _dataLength = checked(_dataLength + Pad(byteLength));
        _tensors.Add((byteLength, write));
    }

    /// <summary>Writes the file front to back; can be called again.</summary>
    /// <param name="stream">Written from its position on, neither flushed nor closed; use <see cref="AtomicFile.Write"/> for files.</param>
    /// <exception cref="InvalidOperationException">A tensor's callback wrote another number of bytes than its type and dimensions ask for.</exception>
    /// <exception cref="IOException">The stream failed.</exception>
    public void Write(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        var header = new byte[24];
        "GGUF"u8.CopyTo(header);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(4), 3);
        BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(8), (ulong)_tensors.Count);
        BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(16), (ulong)_keys.Count);
        stream.Write(header);
        stream.Write(_metadata.WrittenSpan);
        stream.Write(_descriptions.WrittenSpan);
        WritePadding(stream, (long)header.Length + _metadata.WrittenCount + _descriptions.WrittenCount);
        foreach (var (byteLength, write) in _tensors)
        {
            var measured = new MeasuredStream(stream, byteLength);
            write(measured);
            if (measured.Written != byteLength)
            {
                throw new InvalidOperationException($"a tensor of {byteLength} bytes was written with {measured.Written}");
            }

            WritePadding(stream, byteLength);
        }
    }

    private static long GetByteLength(GgmlType type, ReadOnlySpan<long> dimensions)
    {
        var format = BlockFormat.Of(type);
        var rowLength = dimensions.Length == 0 ? 1 : dimensions[0];
        if (dimensions.Length > MostDimensions || rowLength % format.ElementCount != 0)
        {
            throw new ArgumentException($"more than {MostDimensions} dimensions, or rows that are not whole blocks of {format.ElementCount}", nameof(dimensions));
        }

        var elementCount = 1L;
        foreach (var dimension in dimensions)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(dimension, nameof(dimensions));
            elementCount = checked(elementCount * dimension);
        }

        return format.GetByteLength(elementCount);
    }

    private void AddScalar<T>(string key, GgufValueType type, T value)
        where T : unmanaged
    {
        AddKey(key, type);
        _metadata.WriteScalar(value);
    }

    private void AddArrayKey(string key, GgufValueType elementType, int count)
    {
        AddKey(key, GgufValueType.Array);
        _metadata.WriteScalar((uint)elementType);
        _metadata.WriteScalar((ulong)count);
    }

    private void AddKey(string key, GgufValueType type)
    {
        RegisterKey(key);
        _metadata.WriteText(key);
        _metadata.WriteScalar((uint)type);
    }

    private void RegisterKey(string key)
    {
        ArgumentException.ThrowIfNullOrEmpty(key);
        if (Encoding.UTF8.GetByteCount(key) > LongestKey || !_keys.Add(key))
        {
            throw new ArgumentException($"metadata key {key} is longer than {LongestKey} bytes or stands already", nameof(key));
        }
    }

    private long Pad(long length) => checked(length + _alignment - 1) & ~((long)_alignment - 1);

    private void WritePadding(Stream stream, long length)
    {
        Span<byte> zeros = stackalloc byte[32];
        zeros.Clear();
        for (var missing = Pad(length) - length; missing > 0; missing -= zeros.Length)
        {
            stream.Write(zeros[..(int)Math.Min(missing, zeros.Length)]);
        }
    }
}
