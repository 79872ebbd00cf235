using System.Runtime.InteropServices;
using Personalize.Core.Quantization;

namespace Personalize.Core.Tests.Kernels;

/// <summary>Random packed matrices, laid out by hand as a model file lays them out.</summary>
internal static class RandomWeights
{
    public static PackedMatrix Create(WeightFormat format, int rows, int columns, int seed)
    {
        var random = new Random(seed);
        var rowBytes = (int)PackedMatrix.GetRowBytes(format, columns);
        var source = new byte[rowBytes * rows];
        random.NextBytes(source);
        switch (format)
        {
            case WeightFormat.Float32:
                Fill(MemoryMarshal.Cast<byte, float>(source.AsSpan()), _ => (float)(random.NextDouble() - 0.5));
                break;
            case WeightFormat.Float16:
                Fill(MemoryMarshal.Cast<byte, Half>(source.AsSpan()), _ => (Half)(random.NextDouble() - 0.5));
                break;
            case WeightFormat.BFloat16:
                Fill(MemoryMarshal.Cast<byte, ushort>(source.AsSpan()), _ => (ushort)(BitConverter.SingleToUInt32Bits((float)(random.NextDouble() - 0.5)) >> 16));
                break;
            default:
                var block = format == WeightFormat.Q8Zero ? 34 : format == WeightFormat.Q4One ? 20 : 18;
                for (var at = 0; at < source.Length; at += block)
                {
                    MemoryMarshal.Write(source.AsSpan(at), (Half)(0.002 + (random.NextDouble() * 0.05)));
                    if (format == WeightFormat.Q4One)
                    {
                        MemoryMarshal.Write(source.AsSpan(at + 2), (Half)(random.NextDouble() - 0.7));
                    }
                }

                break;
        }

        return PackedMatrix.Pack(format, source, rows, columns);
    }

    public static float[] Vector(int length, int seed)
    {
        var random = new Random(seed);
        var values = new float[length];
        Fill(values.AsSpan(), _ => (float)((random.NextDouble() * 2) - 1));
        return values;
    }

    private static void Fill<T>(Span<T> values, Func<int, T> value)
    {
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = value(i);
        }
    }
}
