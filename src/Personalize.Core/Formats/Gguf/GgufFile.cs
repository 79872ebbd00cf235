using System.Diagnostics.CodeAnalysis;
using Personalize.Core.Errors;
using Personalize.Core.Kernels;
using Personalize.Core.Quantization;

namespace Personalize.Core.Formats.Gguf;

/// <summary>
/// A GGUF file, mapped read-only: metadata, descriptions of the tensors, and their bytes as they lie in the file. The header is validated as a whole when the
/// file is opened; values are not looked at until they are read. Thread-safe, except that spans and pointers must not be used after disposal, which unmaps the
/// file. The file must not be shortened while it is open: the operating system ends a process that reads a page that is gone.
/// </summary>
public sealed unsafe class GgufFile : IDisposable
{
    private const int LargestPiece = 1 << 20;

    private readonly MappedFile _file;
    private readonly List<GgufTensor> _tensors;
    private readonly Dictionary<string, GgufTensor> _byName;
    private readonly Lazy<string> _fingerprint;

    private GgufFile(MappedFile file)
    {
        _file = file;
        (Metadata, _tensors, _byName, Alignment) = GgufParser.Parse(file);
        _fingerprint = new(() => GgufFingerprint.Compute(this));
    }

    /// <summary>The path that was opened.</summary>
    public string Path => _file.Path;

    /// <summary>The key-value pairs; they stay valid after disposal.</summary>
    public GgufMetadata Metadata { get; }

    /// <summary>The tensors in the order of the file.</summary>
    public IReadOnlyList<GgufTensor> Tensors => _tensors;

    /// <summary>What the offsets of the tensors are multiples of, in bytes.</summary>
    public int Alignment { get; }

    /// <summary>The size of the file in bytes.</summary>
    public long ByteLength => _file.Length;

    /// <summary>
    /// SHA-256, in lowercase hexadecimal, of the tensors in ordinal order of their names; of each the name in UTF-8, a zero byte, type and dimension count as 32
    /// bits, the dimensions as 64 bits (little-endian), and the data. Metadata does not enter: an edited chat template leaves the weights what they are.
    /// Computed at the first call, which reads the whole file.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The file was closed before the first call.</exception>
    public string Fingerprint => _fingerprint.Value;

    /// <summary>Maps a file and validates its header.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The open file, which the caller disposes.</returns>
    /// <exception cref="ModelFormatException">The file is missing, cannot be read, or breaks an invariant of the format.</exception>
    public static GgufFile Open(string path)
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
    public bool TryGetTensor(string name, [NotNullWhen(true)] out GgufTensor? tensor) => _byName.TryGetValue(name, out tensor);

    /// <summary>Finds a tensor that has to be there.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The tensor.</returns>
    /// <exception cref="ModelFormatException">It is not there.</exception>
    public GgufTensor GetTensor(string name) =>
        TryGetTensor(name, out var tensor) ? tensor : throw new ModelFormatException(ModelFormatError.MissingTensor, Path, "a tensor is missing", tensor: name);

    /// <summary>The bytes of a tensor in the map; not copied, valid until disposal.</summary>
    /// <param name="tensor">A tensor of this file.</param>
    /// <returns>Its bytes.</returns>
    /// <exception cref="ModelFormatException">The type is not supported, or the data takes 2 GiB or more; see <see cref="GetPointer"/>.</exception>
    /// <exception cref="ArgumentException">The tensor is of another file.</exception>
    /// <exception cref="ObjectDisposedException">The file was closed.</exception>
    public ReadOnlySpan<byte> GetData(GgufTensor tensor)
    {
        var pointer = GetPointer(tensor);
        return tensor.ByteLength <= int.MaxValue
            ? new(pointer, (int)tensor.ByteLength)
            : throw new ModelFormatException(ModelFormatError.TensorTooLarge, Path, "the data takes 2 GiB or more", tensor.Offset, tensor: tensor.Name);
    }

    /// <summary>The first byte of a tensor in the map, followed by its <see cref="GgufTensor.ByteLength"/> bytes; aligned to <see cref="Alignment"/>, valid until disposal.</summary>
    /// <param name="tensor">A tensor of this file.</param>
    /// <returns>Its first byte.</returns>
    /// <exception cref="ModelFormatException">The type is not supported.</exception>
    /// <exception cref="ArgumentException">The tensor is of another file.</exception>
    /// <exception cref="ObjectDisposedException">The file was closed.</exception>
    public byte* GetPointer(GgufTensor tensor)
    {
        var pointer = GetRawPointer(tensor);
        return BlockFormat.Of(tensor.Type).IsSupported
            ? pointer
            : throw new ModelFormatException(ModelFormatError.UnsupportedTensorType, Path, $"type {tensor.Type} is not supported", tensor.Offset, tensor: tensor.Name);
    }

    /// <summary>Computes a tensor's values with the scalar reference, in the order of the file (the first dimension contiguous).</summary>
    /// <param name="tensor">A tensor of this file.</param>
    /// <returns>A new array of <see cref="GgufTensor.ElementCount"/> values.</returns>
    /// <exception cref="ModelFormatException">The type is not supported, or the values do not fit into an array.</exception>
    /// <exception cref="ArgumentException">The tensor is of another file.</exception>
    /// <exception cref="ObjectDisposedException">The file was closed.</exception>
    public float[] ReadSingles(GgufTensor tensor)
    {
        var data = GetData(tensor);
        if (tensor.ElementCount > Array.MaxLength)
        {
            throw new ModelFormatException(ModelFormatError.TensorTooLarge, Path, "the values do not fit into an array", tensor.Offset, tensor: tensor.Name);
        }

        var values = new float[tensor.ElementCount];
        BlockCodec.Dequantize(tensor.Type, data, values);
        return values;
    }

    /// <summary>Refuses a tensor whose scales or elements hold NaN or infinity, which would spread to every token; reads all of its bytes.</summary>
    /// <param name="tensor">A tensor of this file.</param>
    /// <exception cref="ModelFormatException">A scale or element is not finite, the type is not supported, or the data takes 2 GiB or more.</exception>
    /// <exception cref="ArgumentException">The tensor is of another file.</exception>
    /// <exception cref="ObjectDisposedException">The file was closed.</exception>
    public void RequireFinite(GgufTensor tensor)
    {
        var block = BlockCodec.IndexOfNonFinite(tensor.Type, GetData(tensor));
        if (block >= 0)
        {
            var offset = tensor.Offset + ((long)block * BlockFormat.Of(tensor.Type).ByteCount);
            throw new ModelFormatException(ModelFormatError.NonFiniteValue, Path, "a value is NaN or infinite", offset, tensor: tensor.Name);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    /// <summary>Gives back the memory that a tensor's bytes take in the map, once they were read; read again, they come from the file again.</summary>
    internal void GiveBack(GgufTensor tensor) => MemoryAdvice.GiveBackFile(GetRawPointer(tensor), tensor.ByteLength);

    /// <summary>Hands on the bytes of a tensor of any known type, in pieces.</summary>
    internal void CopyStored(GgufTensor tensor, Stream destination)
    {
        var pointer = GetRawPointer(tensor);
        for (var at = 0L; at < tensor.ByteLength; at += LargestPiece)
        {
            destination.Write(new ReadOnlySpan<byte>(pointer + at, (int)Math.Min(LargestPiece, tensor.ByteLength - at)));
        }
    }

    internal byte* GetRawPointer(GgufTensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        return _byName.TryGetValue(tensor.Name, out var own) && ReferenceEquals(own, tensor)
            ? _file.Pointer + tensor.Offset
            : throw new ArgumentException("the tensor is of another file", nameof(tensor));
    }
}
