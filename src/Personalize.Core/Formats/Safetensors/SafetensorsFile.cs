using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text.Unicode;
using Personalize.Core.Errors;
using Personalize.Core.Quantization;

namespace Personalize.Core.Formats.Safetensors;

/// <summary>
/// A safetensors file, mapped read-only, whose header was validated as a whole (<c>huggingface/safetensors</c>): a 64-bit length, a JSON object, and the data,
/// of which every byte belongs to exactly one tensor. Thread-safe, except that spans must not be used after disposal, which unmaps the file. The file must not
/// be shortened while it is open: the operating system ends a process that reads a page that is gone.
/// </summary>
public sealed class SafetensorsFile : IDisposable
{
    private const int LengthSize = 8;
    private const ulong LongestHeader = 100_000_000;

    private readonly MappedFile _file;
    private readonly List<SafetensorsTensor> _tensors = [];
    private readonly Dictionary<string, SafetensorsTensor> _byName = new(StringComparer.Ordinal);

    private SafetensorsFile(MappedFile file)
    {
        _file = file;
        var header = GetHeader(file);
        var reader = new SafetensorsHeaderReader(file.Path, header, LengthSize);
        reader.Read();
        Metadata = reader.Metadata;
        var dataStart = LengthSize + header.Length;
        RequireContiguous(reader.Entries, dataStart);
        foreach (var entry in reader.Entries)
        {
            var tensor = new SafetensorsTensor(entry.Name, entry.Type, entry.Shape, dataStart + entry.Begin, entry.End - entry.Begin, entry.ElementCount);
            _tensors.Add(tensor);
            _byName.Add(tensor.Name, tensor);
        }
    }

    /// <summary>The path that was opened.</summary>
    public string Path => _file.Path;

    /// <summary>The strings of <c>__metadata__</c>.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>The tensors in the order of the header.</summary>
    public IReadOnlyList<SafetensorsTensor> Tensors => _tensors;

    /// <summary>Maps a file and validates its header.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The open file, which the caller disposes.</returns>
    /// <exception cref="ModelFormatException">The file is missing, cannot be read, or breaks an invariant of the format.</exception>
    public static SafetensorsFile Open(string path)
    {
        var file = MappedFile.Open(path);
        try
        {
            return new(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Finds a tensor.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="tensor">The tensor.</param>
    /// <returns>Whether it is there.</returns>
    public bool TryGetTensor(string name, [NotNullWhen(true)] out SafetensorsTensor? tensor) => _byName.TryGetValue(name, out tensor);

    /// <summary>Finds a tensor that has to be there.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The tensor.</returns>
    /// <exception cref="ModelFormatException">It is not there.</exception>
    public SafetensorsTensor GetTensor(string name) =>
        TryGetTensor(name, out var tensor) ? tensor : throw new ModelFormatException(ModelFormatError.MissingTensor, Path, "a tensor is missing", tensor: name);

    /// <summary>The bytes of a tensor in the map, little-endian; not copied, not aligned, valid until disposal.</summary>
    /// <param name="tensor">A tensor of this file.</param>
    /// <returns>Its bytes.</returns>
    /// <exception cref="ModelFormatException">The data takes 2 GiB or more.</exception>
    /// <exception cref="ArgumentException">The tensor is of another file.</exception>
    /// <exception cref="ObjectDisposedException">The file was closed.</exception>
    public ReadOnlySpan<byte> GetData(SafetensorsTensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        if (!_byName.TryGetValue(tensor.Name, out var own) || !ReferenceEquals(own, tensor))
        {
            throw new ArgumentException("the tensor is of another file", nameof(tensor));
        }

        return tensor.ByteLength <= int.MaxValue
            ? _file.Slice(tensor.Offset, (int)tensor.ByteLength)
            : throw new ModelFormatException(ModelFormatError.TensorTooLarge, Path, "the data takes 2 GiB or more", tensor.Offset, tensor: tensor.Name);
    }

    /// <summary>Converts a tensor of type F32, F16 or BF16; exact.</summary>
    /// <param name="name">The name of the tensor.</param>
    /// <returns>A new array, row-major.</returns>
    /// <exception cref="ModelFormatException">The tensor is missing, of another type, or too large.</exception>
    /// <exception cref="ObjectDisposedException">The file was closed.</exception>
    public float[] ReadSingles(string name)
    {
        var tensor = GetTensor(name);
        if (!SafetensorsTypes.TryGetBlockType(tensor.Type, out var type))
        {
            throw new ModelFormatException(ModelFormatError.UnsupportedTensorType, Path, $"type {tensor.Type} does not hold floats that fit a single", tensor.Offset, tensor: name);
        }

        var data = GetData(tensor);
        var values = new float[tensor.ElementCount];
        BlockCodec.Dequantize(type, data, values);
        return values;
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private static ReadOnlySpan<byte> GetHeader(MappedFile file)
    {
        if (file.Length < LengthSize)
        {
            throw new ModelFormatException(ModelFormatError.FileTooShort, file.Path, "fewer than 8 bytes", 0);
        }

        var length = BinaryPrimitives.ReadUInt64LittleEndian(file.Slice(0, LengthSize));
        if (length > LongestHeader)
        {
            throw new ModelFormatException(ModelFormatError.HeaderOverLimit, file.Path, "the header is longer than 100,000,000 bytes", 0);
        }

        if ((long)length > file.Length - LengthSize)
        {
            throw new ModelFormatException(ModelFormatError.HeaderPastEnd, file.Path, "the header ends past the end of the file", 0);
        }

        var header = file.Slice(LengthSize, (int)length);
        if (!Utf8.IsValid(header))
        {
            throw new ModelFormatException(ModelFormatError.HeaderNotUtf8, file.Path, "the header is not UTF-8", LengthSize + Utf8Text.IndexOfInvalid(header));
        }

        return header.Length > 0 && header[0] == (byte)'{'
            ? header
            : throw new ModelFormatException(ModelFormatError.HeaderNotObject, file.Path, "the header does not start with {", LengthSize);
    }

    private void RequireContiguous(List<SafetensorsEntry> entries, long dataStart)
    {
        var expected = 0L;
        foreach (var entry in entries.OrderBy(entry => entry.Begin).ThenBy(entry => entry.End))
        {
            if (entry.Begin != expected)
            {
                throw new ModelFormatException(
                    ModelFormatError.RangeOverlapOrHole, Path, "a range does not begin where the one before it ends", entry.RangePosition, tensor: entry.Name);
            }

            expected = entry.End;
        }

        if (expected != _file.Length - dataStart)
        {
            throw new ModelFormatException(
                ModelFormatError.DataLengthMismatch, Path, "the data is longer or shorter than the ranges say", Math.Min(_file.Length, dataStart + Math.Min(expected, _file.Length)));
        }
    }
}
