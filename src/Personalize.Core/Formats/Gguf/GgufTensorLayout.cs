using System.Runtime.InteropServices;
using Personalize.Core.Quantization;

namespace Personalize.Core.Formats.Gguf;

/// <summary>A tensor's description as read, before its place in the data section was checked.</summary>
/// <param name="Name">The name.</param>
/// <param name="Dimensions">In GGUF order.</param>
/// <param name="Type">A known type.</param>
/// <param name="ElementCount">The product of the dimensions.</param>
/// <param name="ByteLength">Without padding.</param>
/// <param name="Offset">As the file says it, relative to the data section.</param>
/// <param name="Start">Where the description begins in the file.</param>
/// <param name="OffsetPosition">Where the offset stands in the file.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct GgufTensorLayout(
    string Name, long[] Dimensions, GgmlType Type, long ElementCount, long ByteLength, ulong Offset, long Start, long OffsetPosition);
