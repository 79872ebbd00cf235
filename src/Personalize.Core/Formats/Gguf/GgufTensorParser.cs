using System.Text;
using Personalize.Core.Errors;
using Personalize.Core.Quantization;

namespace Personalize.Core.Formats.Gguf;

/// <summary>Reads the tensors' descriptions, which follow the metadata, and checks that their data fills the rest of the file in the same order.</summary>
internal sealed class GgufTensorParser(long fileLength, GgufCursor cursor)
{
    private const int LongestName = 63;
    private const int MostDimensions = 4;

    public (List<GgufTensor> Tensors, Dictionary<string, GgufTensor> ByName) Read(int count, uint alignment)
    {
        var layouts = new GgufTensorLayout[count];
        var names = new Dictionary<string, GgufTensor>(count, StringComparer.Ordinal);
        for (var i = 0; i < count; i++)
        {
            layouts[i] = ReadTensor();
        }

        var dataStart = (cursor.Position + alignment - 1) / alignment * alignment;
        var tensors = new List<GgufTensor>(count);
        var expected = 0L;
        foreach (var layout in layouts)
        {
            if (names.ContainsKey(layout.Name))
            {
                throw cursor.Fail(ModelFormatError.DuplicateTensor, "a tensor's name stands twice", layout.Start, tensor: layout.Name);
            }

            var tensor = Place(layout, alignment, dataStart, ref expected);
            tensors.Add(tensor);
            names.Add(tensor.Name, tensor);
        }

        return (tensors, names);
    }

    private GgufTensorLayout ReadTensor()
    {
        var start = cursor.Position;
        if (cursor.PeekUInt64() is 0 or > LongestName)
        {
            throw cursor.Fail(ModelFormatError.TensorNameLength, "a tensor's name has no or more than 63 bytes", start);
        }

        var name = Encoding.UTF8.GetString(cursor.ReadString());
        var dimensionsOffset = cursor.Position;
        var dimensionCount = cursor.ReadUInt32();
        if (dimensionCount > MostDimensions)
        {
            throw cursor.Fail(ModelFormatError.TooManyDimensions, "a tensor has more than four dimensions", dimensionsOffset, tensor: name);
        }

        var firstDimension = cursor.Position;
        var dimensions = ReadDimensions((int)dimensionCount, name, out var elementCount);
        var typeOffset = cursor.Position;
        var type = (GgmlType)cursor.ReadUInt32();
        if (!BlockFormat.TryGet(type, out var format))
        {
            throw cursor.Fail(ModelFormatError.UnknownTensorType, $"tensor type {(uint)type} is not defined or was withdrawn", typeOffset, tensor: name);
        }

        var rowLength = dimensions.Length == 0 ? 1 : dimensions[0];
        if (rowLength % format.ElementCount != 0)
        {
            throw cursor.Fail(ModelFormatError.RowNotWholeBlocks, $"a row is not a multiple of {format.ElementCount}, the block of {type}", firstDimension, tensor: name);
        }

        var byteLength = (Int128)elementCount / format.ElementCount * format.ByteCount;
        if (byteLength > long.MaxValue)
        {
            throw cursor.Fail(ModelFormatError.ByteSizeOverflow, "a tensor's size overflows", start, tensor: name);
        }

        var offsetOffset = cursor.Position;
        return new(name, dimensions, type, elementCount, (long)byteLength, cursor.ReadUInt64(), start, offsetOffset);
    }

    private long[] ReadDimensions(int count, string name, out long elementCount)
    {
        var dimensions = count == 0 ? [] : new long[count];
        elementCount = 1;
        for (var i = 0; i < count; i++)
        {
            var offset = cursor.Position;
            dimensions[i] = cursor.ReadInt64();
            if (dimensions[i] < 0)
            {
                throw cursor.Fail(ModelFormatError.NegativeDimension, "a dimension is negative", offset, tensor: name);
            }

            var product = (Int128)elementCount * dimensions[i];
            elementCount = product <= long.MaxValue
                ? (long)product
                : throw cursor.Fail(ModelFormatError.ElementCountOverflow, "the product of the dimensions overflows", offset, tensor: name);
        }

        return dimensions;
    }

    // Writers lay tensors one after the other, each padded to the alignment; any other offset is a mistake or an attack.
    private GgufTensor Place(in GgufTensorLayout layout, uint alignment, long dataStart, ref long expected)
    {
        var name = layout.Name;
        if (layout.Offset % alignment != 0)
        {
            throw cursor.Fail(ModelFormatError.TensorMisaligned, $"the data does not begin at a multiple of {alignment}", layout.OffsetPosition, tensor: name);
        }

        if (layout.Offset != (ulong)expected)
        {
            throw cursor.Fail(ModelFormatError.TensorOffsetWrong, "the data does not begin where the data before it ends", layout.OffsetPosition, tensor: name);
        }

        var end = ((Int128)expected + layout.ByteLength + alignment - 1) / alignment * alignment;
        if (end + dataStart > long.MaxValue)
        {
            throw cursor.Fail(ModelFormatError.ByteSizeOverflow, "the sum of the tensors' sizes overflows", layout.Start, tensor: name);
        }

        var offset = dataStart + expected;
        if (offset + layout.ByteLength > fileLength)
        {
            throw cursor.Fail(ModelFormatError.TensorPastEnd, "the data ends past the end of the file", layout.OffsetPosition, tensor: name);
        }

        expected = (long)end;
        return new(name, layout.Dimensions, layout.Type, offset, layout.ByteLength, layout.ElementCount);
    }
}
