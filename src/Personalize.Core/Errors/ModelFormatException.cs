using System.Globalization;
using System.Text;

namespace Personalize.Core.Errors;

/// <summary>A GGUF or safetensors file is missing, damaged, hostile, or not what was asked for.</summary>
public sealed class ModelFormatException : PersonalizeException
{
    private const int LongestName = 80;

    /// <summary>Names the broken invariant and the place.</summary>
    /// <param name="code">The broken invariant.</param>
    /// <param name="path">The file.</param>
    /// <param name="detail">What is wrong, in a few words, without content of the file.</param>
    /// <param name="offset">The byte at fault, counted from the start of the file.</param>
    /// <param name="key">The metadata key at fault.</param>
    /// <param name="tensor">The tensor at fault.</param>
    /// <param name="innerException">What the operating system said.</param>
    public ModelFormatException(
        ModelFormatError code, string path, string detail, long? offset = null, string? key = null, string? tensor = null, Exception? innerException = null)
        : base(Describe(code, path, detail, offset, key, tensor), innerException)
    {
        Code = code;
        Path = path;
        Detail = detail;
        Offset = offset;
        Key = key;
        Tensor = tensor;
    }

    /// <summary>The broken invariant.</summary>
    public ModelFormatError Code { get; }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>What is wrong, in a few words.</summary>
    public string Detail { get; }

    /// <summary>The byte at fault, counted from the start of the file.</summary>
    public long? Offset { get; }

    /// <summary>The metadata key at fault, as the file spells it.</summary>
    public string? Key { get; }

    /// <summary>The tensor at fault, as the file spells it.</summary>
    public string? Tensor { get; }

    private static string Describe(ModelFormatError code, string path, string detail, long? offset, string? key, string? tensor)
    {
        var text = new StringBuilder();
        AppendPrintable(text, System.IO.Path.GetFileName(path) is { Length: > 0 } name ? name : path);
        text.Append(": ").Append(detail);
        if (key is not null)
        {
            AppendPrintable(text.Append(", key "), key);
        }

        if (tensor is not null)
        {
            AppendPrintable(text.Append(", tensor "), tensor);
        }

        if (offset is { } at)
        {
            text.Append(CultureInfo.InvariantCulture, $", at byte {at}");
        }

        return text.Append(": ").Append(Advice(code)).ToString();
    }

    // Names come from the file: control characters would break the one line or drive a terminal.
    private static void AppendPrintable(StringBuilder text, string name)
    {
        foreach (var character in name.AsSpan(0, Math.Min(name.Length, LongestName)))
        {
            text.Append(char.IsControl(character) || char.IsSurrogate(character) || char.GetUnicodeCategory(character) is UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator ? '?' : character);
        }

        if (name.Length > LongestName)
        {
            text.Append("...");
        }
    }

    private static string Advice(ModelFormatError code) => code switch
    {
        ModelFormatError.FileNotFound => "check the path",
        ModelFormatError.Unreadable => "check that it is a file and may be read",
        ModelFormatError.BadMagic => "give a GGUF file",
        ModelFormatError.VersionZero or ModelFormatError.VersionOne or ModelFormatError.VersionByteSwapped => "convert the model again to little-endian GGUF version 3",
        ModelFormatError.VersionFuture => "use a newer release, or convert the model to GGUF version 3",
        ModelFormatError.UnsupportedTensorType => "quantize the model to Q4_0, Q4_1, Q8_0, F16, BF16 or F32",
        ModelFormatError.UnknownTensorType or ModelFormatError.UnknownDataType => "convert the model to a type that is supported",
        ModelFormatError.MissingKey or ModelFormatError.WrongValueType or ModelFormatError.MissingTensor => "convert the model again from its source",
        ModelFormatError.TensorTooLarge => "use a smaller model",
        _ => "the file is damaged or not genuine, fetch it again",
    };
}
