using System.Buffers.Binary;
using Personalize.Core.Quantization;

namespace Personalize.Cli.Benchmarks;

/// <summary>Random weights written straight as blocks: levels uniform, scales such that a map of that many columns keeps the size of its input. Values need no meaning, only to be finite and to take the time that real ones take.</summary>
internal static class BlockNoise
{
    private const int BlocksAPiece = 1 << 15;

    // Standard deviations of the uniform levels 0..15 and -128..127.
    private const double FourBitSpread = 4.61;
    private const double EightBitSpread = 73.9;
    private const float FourBitCentre = 7.5f;

    /// <summary>Writes the blocks of a tensor.</summary>
    /// <param name="stream">Receives them piece by piece.</param>
    /// <param name="type">Q4_0, Q4_1 or Q8_0.</param>
    /// <param name="rows">How many rows.</param>
    /// <param name="columns">Elements a row, whole blocks.</param>
    /// <param name="seed">The same seed gives the same bytes.</param>
    public static void Write(Stream stream, GgmlType type, long rows, int columns, ulong seed)
    {
        var format = BlockFormat.Of(type);
        var noise = new Noise(seed);
        var buffer = new byte[BlocksAPiece * format.ByteCount];
        var spread = type == GgmlType.Q8_0 ? EightBitSpread : FourBitSpread;
        var scale = 1 / (spread * Math.Sqrt(columns));
        for (var left = rows * columns / format.ElementCount; left > 0; left -= BlocksAPiece)
        {
            var piece = buffer.AsSpan(0, (int)Math.Min(left, BlocksAPiece) * format.ByteCount);
            noise.Fill(piece);
            for (var at = 0; at < piece.Length; at += format.ByteCount)
            {
                // The first byte of the block is random, and so makes each scale differ from its neighbours'.
                var d = (float)(scale * (0.75 + (piece[at] / 512.0)));
                BinaryPrimitives.WriteHalfLittleEndian(piece[at..], (Half)d);
                if (type == GgmlType.Q4_1)
                {
                    BinaryPrimitives.WriteHalfLittleEndian(piece[(at + 2)..], (Half)(-FourBitCentre * d));
                }
            }

            stream.Write(piece);
        }
    }
}
