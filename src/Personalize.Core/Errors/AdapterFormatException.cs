using System.Text;

namespace Personalize.Core.Errors;

/// <summary>An adapter's files are damaged, hostile, not supported, or do not fit the model. Nothing was imported or written.</summary>
public sealed class AdapterFormatException : PersonalizeException
{
    private const int LongestName = 120;

    /// <summary>Creates the error.</summary>
    /// <param name="error">The broken invariant.</param>
    /// <param name="path">The file or folder.</param>
    /// <param name="message">What and what to do, in one line.</param>
    /// <param name="field">The configuration field or metadata key at fault, where there is one.</param>
    /// <param name="tensor">The tensor at fault, where there is one.</param>
    /// <param name="innerException">What caused it, if another exception did.</param>
    public AdapterFormatException(AdapterFormatError error, string path, string message, string? field = null, string? tensor = null, Exception? innerException = null)
        : base($"{path}{Name(", field ", field)}{Name(", tensor ", tensor)}: {message}", innerException)
    {
        Error = error;
        Path = path;
        Field = field;
        Tensor = tensor;
    }

    /// <summary>The broken invariant.</summary>
    public AdapterFormatError Error { get; }

    /// <summary>The file or folder.</summary>
    public string Path { get; }

    /// <summary>The configuration field or metadata key at fault, as the file spells it.</summary>
    public string? Field { get; }

    /// <summary>The tensor at fault, as the file spells it.</summary>
    public string? Tensor { get; }

    // The name comes from the file: it must stay on the line and leave the terminal alone.
    private static string Name(string label, string? name)
    {
        if (name is null)
        {
            return "";
        }

        var text = new StringBuilder(label);
        foreach (var character in name.AsSpan(0, Math.Min(name.Length, LongestName)))
        {
            text.Append(char.IsAsciiLetterOrDigit(character) || character is '.' or '_' or '-' ? character : '?');
        }

        return text.Append(name.Length > LongestName ? "..." : "").ToString();
    }
}
