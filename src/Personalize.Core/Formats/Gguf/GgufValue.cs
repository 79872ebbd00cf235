using System.Runtime.InteropServices;

namespace Personalize.Core.Formats.Gguf;

/// <summary>Where a metadata value lies in the copied header.</summary>
/// <param name="Type">The value's type.</param>
/// <param name="ElementType">The elements' type of an array, else the value's own.</param>
/// <param name="Offset">The first byte of the scalar, of a string's length, or of an array's first element; from the start of the file.</param>
/// <param name="Count">The elements of an array, else 1.</param>
/// <param name="End">One past the last byte.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct GgufValue(GgufValueType Type, GgufValueType ElementType, int Offset, int Count, int End)
{
    /// <summary>Where the value's type stands, from which on it can be copied as it is.</summary>
    public int Start => Offset - (Type == GgufValueType.Array ? 16 : 4);

    /// <summary>The bytes of a scalar; 0 for strings, arrays and unknown types.</summary>
    public static int SizeOf(GgufValueType type) => type switch
    {
        GgufValueType.UInt8 or GgufValueType.Int8 or GgufValueType.Boolean => 1,
        GgufValueType.UInt16 or GgufValueType.Int16 => 2,
        GgufValueType.UInt32 or GgufValueType.Int32 or GgufValueType.Float32 => 4,
        GgufValueType.UInt64 or GgufValueType.Int64 or GgufValueType.Float64 => 8,
        _ => 0,
    };
}
