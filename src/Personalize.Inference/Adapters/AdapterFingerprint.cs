using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Personalize.Core.Adapters;

namespace Personalize.Inference.Adapters;

/// <summary>Names an adapter by what it computes, whatever it is called and wherever it came from.</summary>
internal static class AdapterFingerprint
{
    /// <summary>The SHA-256 of the base's fingerprint, the scale, and the pairs by layer and map.</summary>
    public static string Of(LoraAdapter adapter)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{adapter.BaseFingerprint}\n{BitConverter.SingleToInt32Bits(adapter.Configuration.Scale):x8}\n")));
        foreach (var pair in adapter.Pairs.OrderBy(pair => (pair.Layer, pair.Module)))
        {
            hash.AppendData(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{pair.Layer} {(int)pair.Module} {pair.Rank} {pair.InputSize} {pair.OutputSize}\n")));
            hash.AppendData(MemoryMarshal.AsBytes(pair.A.AsSpan()));
            hash.AppendData(MemoryMarshal.AsBytes(pair.B.AsSpan()));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
