using Personalize.Cli.Hosting;
using Personalize.Core.Errors;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Quantization;

namespace Personalize.Cli.Models;

/// <summary>Writes a model again with its matrices in other types. Norms, biases and metadata stay as they are.</summary>
internal static class RequantizedModelFile
{
    private const string Embedding = "token_embd.weight";
    private const string Output = "output.weight";

    /// <summary>Writes the file.</summary>
    /// <param name="source">The model.</param>
    /// <param name="target">Another file.</param>
    /// <param name="type">How the linear maps are stored.</param>
    /// <param name="embedding">How embedding and output layer are stored; null leaves them.</param>
    /// <returns>How many tensors changed their type.</returns>
    /// <exception cref="UsageException">A matrix' rows are not whole blocks of a type.</exception>
    /// <exception cref="ModelFormatException">The source is damaged, or stored in a type that cannot be read.</exception>
    /// <exception cref="OutputFileException">The target cannot be written.</exception>
    public static int Write(string source, string target, GgmlType type, GgmlType? embedding = null)
    {
        using var file = GgufFile.Open(source);
        var writer = new GgufWriter(file.Alignment);
        writer.CopyMetadata(file.Metadata);
        var changed = 0;
        foreach (var tensor in file.Tensors)
        {
            var wanted = tensor.Dimensions.Count != 2 ? tensor.Type : tensor.Name is Embedding or Output ? embedding ?? tensor.Type : type;
            if (wanted == tensor.Type)
            {
                writer.AddTensor(file, tensor);
                continue;
            }

            Check(file, tensor, wanted);
            writer.AddTensor(tensor.Name, wanted, [.. tensor.Dimensions], stream => WriteRows(stream, file, tensor, wanted));
            changed++;
        }

        OutputFile.Write(target, writer.Write);
        return changed;
    }

    private static void Check(GgufFile file, GgufTensor tensor, GgmlType wanted)
    {
        if (!BlockFormat.Of(tensor.Type).IsSupported)
        {
            throw new ModelFormatException(ModelFormatError.UnsupportedTensorType, file.Path, $"type {tensor.Type} is not supported", tensor.Offset, tensor: tensor.Name);
        }

        file.RequireFinite(tensor);
        if (tensor.Dimensions[0] % BlockFormat.Of(wanted).ElementCount != 0)
        {
            throw new UsageException($"{wanted} does not fit: {tensor.Name} has rows of {tensor.Dimensions[0]}, which are not whole blocks of {BlockFormat.Of(wanted).ElementCount}");
        }
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
