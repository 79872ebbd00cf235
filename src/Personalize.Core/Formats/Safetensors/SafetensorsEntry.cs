namespace Personalize.Core.Formats.Safetensors;

/// <summary>A tensor's entry as read, before its place among the others was checked.</summary>
/// <param name="Name">The name.</param>
/// <param name="Type">The type of the elements.</param>
/// <param name="Shape">Outermost dimension first.</param>
/// <param name="ElementCount">The product of the shape.</param>
/// <param name="Begin">The first byte, relative to the data section.</param>
/// <param name="End">One past the last byte, relative to the data section.</param>
/// <param name="RangePosition">Where the range stands in the file.</param>
internal sealed record SafetensorsEntry(string Name, SafetensorsType Type, long[] Shape, long ElementCount, long Begin, long End, long RangePosition);
