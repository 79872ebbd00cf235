using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Personalize.Core.Adapters;

namespace Personalize.Inference.Adapters;

/// <summary>Names an adapter by what it computes, whatever it is called and wherever it came from.</summary>
internal static class AdapterFingerprint
{
    /// <summary>The SHA-256 of the base's fingerprint and, by layer and map, of each pair's sizes, scale, values and, where it has them, magnitudes and biases.</summary>
    public static string Of(LoraAdapter adapter)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{adapter.BaseFingerprint}\n")));
        foreach (var pair in adapter.Pairs.OrderBy(pair => (pair.Layer, pair.Module)))
        {
            var scale = BitConverter.SingleToInt32Bits(adapter.Configuration.GetScale(pair.Layer, pair.Module));
            hash.AppendData(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{pair.Layer} {(int)pair.Module} {pair.Rank} {pair.InputSize} {pair.OutputSize} {scale:x8} {pair.Magnitude?.Length ?? 0}{(pair.Bias is null ? "" : " bias")}\n")));
            hash.AppendData(MemoryMarshal.AsBytes(pair.A.AsSpan()));
            hash.AppendData(MemoryMarshal.AsBytes(pair.B.AsSpan()));
            hash.AppendData(MemoryMarshal.AsBytes(pair.Magnitude.AsSpan()));
            hash.AppendData(MemoryMarshal.AsBytes(pair.Bias.AsSpan()));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
