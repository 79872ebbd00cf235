using System.Buffers;

namespace Personalize.Core.Tokenization;

/// <summary>GPT-2's printable alphabet for bytes: visible Latin-1 bytes stand for themselves, the other 68 are written as U+0100 and up, in the order of their value.</summary>
internal static class ByteAlphabet
{
    private static readonly char[] Symbols = CreateSymbols();
    private static readonly short[] Bytes = CreateBytes();

    /// <summary>The character that writes a byte.</summary>
    public static char ToSymbol(byte value) => Symbols[value];

    /// <summary>Turns a token's text into its bytes.</summary>
    /// <returns>False where a character is not of the alphabet.</returns>
    public static bool TryGetBytes(ReadOnlySpan<char> token, IBufferWriter<byte> output)
    {
        var span = output.GetSpan(Math.Max(token.Length, 1));
        for (var i = 0; i < token.Length; i++)
        {
            var value = token[i] < Bytes.Length ? Bytes[token[i]] : (short)-1;
            if (value < 0)
            {
                return false;
            }

            span[i] = (byte)value;
        }

        output.Advance(token.Length);
        return true;
    }

    private static char[] CreateSymbols()
    {
        var symbols = new char[256];
        var next = 256;
        for (var value = 0; value < symbols.Length; value++)
        {
            var visible = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            symbols[value] = visible ? (char)value : (char)next++;
        }

        return symbols;
    }

    private static short[] CreateBytes()
    {
        var bytes = new short[512];
        Array.Fill(bytes, (short)-1);
        for (var value = 0; value < Symbols.Length; value++)
        {
            bytes[Symbols[value]] = (short)value;
        }

        return bytes;
    }
}
