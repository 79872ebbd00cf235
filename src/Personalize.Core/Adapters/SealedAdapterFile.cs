using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Personalize.Core.Errors;
using Personalize.Core.Security;

namespace Personalize.Core.Adapters;

/// <summary>One adapter as one sealed file that is never changed: the manifest's length (u32 little-endian), the manifest as JSON, then for each pair A <c>[r, in]</c>, B <c>[out, r]</c>, with DoRA the magnitudes <c>[out]</c>, and the bias <c>[out]</c> where the pair has one, as float32 little-endian.</summary>
internal static class SealedAdapterFile
{
    public const string Extension = ".adapter";

    private const int SchemaVersion = 1;
    private const int MaximumManifestBytes = 16 << 20;

    public static void Write(string path, SealedBox box, AdapterManifest manifest, LoraAdapter adapter)
        => SealedFile.Write(path, box, ContextOf(manifest.Record.Id), stream =>
        {
            var bytes = manifest.Encode();
            Span<byte> length = stackalloc byte[4];
            BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
            stream.Write(length);
            stream.Write(bytes);
            foreach (var pair in adapter.Pairs)
            {
                WriteValues(stream, pair.A);
                WriteValues(stream, pair.B);
                if (pair.Magnitude is { } magnitude)
                {
                    WriteValues(stream, magnitude);
                }

                if (pair.Bias is { } bias)
                {
                    WriteValues(stream, bias);
                }
            }
        });

    /// <summary>Reads what an adapter says of itself: one part of the file is decrypted, not its weights.</summary>
    public static AdapterManifest ReadManifest(string path, SealedBox box, string id)
    {
        using var stream = SealedFile.OpenRead(path, box, ContextOf(id));
        return ReadManifest(stream, path, id);
    }

    public static LoraAdapter Read(string path, SealedBox box, string id)
    {
        using var stream = SealedFile.OpenRead(path, box, ContextOf(id));
        var manifest = ReadManifest(stream, path, id);
        var configuration = manifest.Record.Configuration;
        try
        {
            var pairs = new List<LoraPair>(manifest.Pairs.Count);
            foreach (var (layer, module, input, output, hasBias) in manifest.Pairs)
            {
                var rank = configuration.GetRank(layer, module);
                var a = ReadValues(stream, (long)rank * input);
                var b = ReadValues(stream, (long)output * rank);
                var magnitude = configuration.UseDora ? ReadValues(stream, output) : null;
                pairs.Add(new LoraPair(layer, module, rank, a, b, magnitude, hasBias ? ReadValues(stream, output) : null));
            }

            // Reading on to the end authenticates that nothing follows.
            return stream.ReadByte() < 0 ? new LoraAdapter(configuration, manifest.Record.BaseFingerprint, pairs) : throw Malformed(path, id, null);
        }
        catch (EndOfStreamException exception)
        {
            throw Malformed(path, id, exception);
        }
    }

    internal static SealContext ContextOf(string id) => new("adapters", id, "adapter", SchemaVersion);

    private static AdapterManifest ReadManifest(Stream stream, string path, string id)
    {
        try
        {
            Span<byte> length = stackalloc byte[4];
            stream.ReadExactly(length);
            var size = BinaryPrimitives.ReadInt32LittleEndian(length);
            if (size is < 0 or > MaximumManifestBytes)
            {
                throw Malformed(path, id, null);
            }

            var bytes = new byte[size];
            stream.ReadExactly(bytes);
            var manifest = AdapterManifest.Decode(bytes);
            return string.Equals(manifest.Record.Id, id, StringComparison.Ordinal) ? manifest : throw Malformed(path, id, null);
        }
        catch (Exception exception) when (exception is FormatException or EndOfStreamException)
        {
            throw Malformed(path, id, exception);
        }
    }

    private static void WriteValues(Stream stream, float[] values)
    {
        if (BitConverter.IsLittleEndian)
        {
            stream.Write(MemoryMarshal.AsBytes(values.AsSpan()));
            return;
        }

        Span<byte> bytes = stackalloc byte[4];
        foreach (var value in values)
        {
            BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
            stream.Write(bytes);
        }
    }

    private static float[] ReadValues(Stream stream, long count)
    {
        if (count > Array.MaxLength)
        {
            throw new EndOfStreamException();
        }

        var values = new float[count];
        var bytes = MemoryMarshal.AsBytes(values.AsSpan());
        stream.ReadExactly(bytes);
        if (!BitConverter.IsLittleEndian)
        {
            var bits = MemoryMarshal.Cast<byte, int>(bytes);
            BinaryPrimitives.ReverseEndianness(bits, bits);
        }

        return values;
    }

    private static StoreIntegrityException Malformed(string path, string id, Exception? inner)
        => new(StoreIntegrityError.Malformed, path, "the sealed adapter does not hold what it should: remove it", "adapter", id, inner);
}
