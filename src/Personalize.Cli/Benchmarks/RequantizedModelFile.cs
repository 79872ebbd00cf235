using Personalize.Cli.Models;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Quantization;

namespace Personalize.Cli.Benchmarks;

/// <summary>Writes a model again with its linear maps in another type. The embedding, norms and biases stay as they are.</summary>
internal static class RequantizedModelFile
{
    private const string Embedding = "token_embd.weight";
    private const string Output = "output.weight";

    public static void Write(string source, string target, GgmlType type)
    {
        using var file = GgufFile.Open(source);
        var writer = new GgufWriter(file.Alignment);
        writer.CopyMetadata(file.Metadata);
        foreach (var tensor in file.Tensors)
        {
            if (tensor.Dimensions.Count == 2 && tensor.Type != type && tensor.Name is not (Embedding or Output))
            {
                writer.AddTensor(tensor.Name, type, [.. tensor.Dimensions], stream => WriteRows(stream, file, tensor, type));
            }
            else
            {
                writer.AddTensor(file, tensor);
            }
        }

        OutputFile.Write(target, writer.Write);
    }

    // A row at a time: values of a whole tensor would be eight times its bytes.
    private static void WriteRows(Stream stream, GgufFile file, GgufTensor tensor, GgmlType type)
    {
        var (columns, rows) = ((int)tensor.Dimensions[0], tensor.Dimensions[1]);
        var stored = (int)(tensor.ByteLength / rows);
        var values = new float[columns];
        var bytes = new byte[BlockFormat.Of(type).GetByteLength(columns)];
        for (var row = 0L; row < rows; row++)
        {
            BlockCodec.Dequantize(tensor.Type, file.GetData(tensor).Slice(checked((int)(row * stored)), stored), values);
            BlockCodec.Quantize(type, values, bytes);
            stream.Write(bytes);
        }
    }
}
