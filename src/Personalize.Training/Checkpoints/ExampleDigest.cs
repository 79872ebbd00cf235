using System.Buffers.Binary;
using System.Security.Cryptography;
using Personalize.Training.Data;

namespace Personalize.Training.Checkpoints;

/// <summary>SHA-256 of what training sees of examples: prompt length, number of tokens and tokens as little-endian 32-bit integers; an empty slot is two zeros.</summary>
internal static class ExampleDigest
{
    /// <summary>The digest of one example, in lower-case hexadecimal.</summary>
    public static string Of(TrainingExample example) => Of(new[] { example });

    /// <summary>The digest of slots in their order, in lower-case hexadecimal.</summary>
    public static string Of(IEnumerable<TrainingExample?> slots)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> number = stackalloc byte[sizeof(int)];
        foreach (var slot in slots)
        {
            Append(hash, number, slot?.PromptLength ?? 0);
            Append(hash, number, slot?.Length ?? 0);
            foreach (var id in slot is { } example ? example.Ids : [])
            {
                Append(hash, number, id);
            }
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static void Append(IncrementalHash hash, Span<byte> buffer, int value)
    {
        BinaryPrimitives.WriteInt32LittleEndian(buffer, value);
        hash.AppendData(buffer);
    }
}
