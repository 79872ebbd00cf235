using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Personalize.Core.Formats.Gguf;

/// <summary>Identifies the weights of a model, see <see cref="GgufFile.Fingerprint"/>.</summary>
internal static unsafe class GgufFingerprint
{
    private const int LargestPiece = 1 << 20;

    public static string Compute(GgufFile file)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var tensor in file.Tensors.OrderBy(tensor => tensor.Name, StringComparer.Ordinal))
        {
            hash.AppendData(Encoding.UTF8.GetBytes(tensor.Name));
            AppendShape(hash, tensor);
            var pointer = file.GetRawPointer(tensor);
            for (var at = 0L; at < tensor.ByteLength; at += LargestPiece)
            {
                hash.AppendData(new ReadOnlySpan<byte>(pointer + at, (int)Math.Min(LargestPiece, tensor.ByteLength - at)));
            }

            file.GiveBack(tensor);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static void AppendShape(IncrementalHash hash, GgufTensor tensor)
    {
        var bytes = new byte[1 + 4 + 4 + (8 * tensor.Dimensions.Count)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(1), (uint)tensor.Type);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(5), (uint)tensor.Dimensions.Count);
        for (var i = 0; i < tensor.Dimensions.Count; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(9 + (8 * i)), tensor.Dimensions[i]);
        }

        hash.AppendData(bytes);
    }
}
