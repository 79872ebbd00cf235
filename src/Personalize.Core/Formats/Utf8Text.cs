using System.Buffers;
using System.Text;

namespace Personalize.Core.Formats;

/// <summary>Locates what is wrong with text that failed validation.</summary>
internal static class Utf8Text
{
    /// <summary>The first byte of the first sequence that is not UTF-8, or -1.</summary>
    public static int IndexOfInvalid(ReadOnlySpan<byte> bytes)
    {
        for (var i = 0; i < bytes.Length;)
        {
            if (Rune.DecodeFromUtf8(bytes[i..], out _, out var consumed) != OperationStatus.Done)
            {
                return i;
            }

            i += consumed;
        }

        return -1;
    }
}
