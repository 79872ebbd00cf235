using System.Text;
using Personalize.Core.Quantization;

namespace Personalize.Core.Formats.Safetensors;

/// <summary>Facts about the element types.</summary>
internal static class SafetensorsTypes
{
    /// <summary>The exact spelling of each type in the file, as UTF-8.</summary>
    public static (SafetensorsType Type, byte[] Spelling)[] Spellings { get; } =
        Array.ConvertAll(Enum.GetValues<SafetensorsType>(), type => (type, Encoding.UTF8.GetBytes(type.ToString())));

    public static int SizeOf(SafetensorsType type) => type switch
    {
        SafetensorsType.BOOL or SafetensorsType.U8 or SafetensorsType.I8 => 1,
        SafetensorsType.U16 or SafetensorsType.I16 or SafetensorsType.F16 or SafetensorsType.BF16 => 2,
        SafetensorsType.U32 or SafetensorsType.I32 or SafetensorsType.F32 => 4,
        SafetensorsType.U64 or SafetensorsType.I64 or SafetensorsType.F64 => 8,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "unknown element type"),
    };

    /// <summary>The block type that stores singles alike, if there is one.</summary>
    public static bool TryGetBlockType(SafetensorsType type, out GgmlType blockType)
    {
        blockType = type switch
        {
            SafetensorsType.F16 => GgmlType.F16,
            SafetensorsType.BF16 => GgmlType.BF16,
            _ => GgmlType.F32,
        };
        return type is SafetensorsType.F16 or SafetensorsType.BF16 or SafetensorsType.F32;
    }
}
