namespace Personalize.Core.Errors;

/// <summary>A model file is well-formed but asks for something that this framework does not implement.</summary>
public sealed class UnsupportedModelException : PersonalizeException
{
    /// <summary>Names what was asked for and what there is.</summary>
    /// <param name="feature">What the file asks for, usually the metadata key (<c>tokenizer.ggml.pre</c>).</param>
    /// <param name="found">The value found.</param>
    /// <param name="supported">The values that are supported.</param>
    public UnsupportedModelException(string feature, string found, IReadOnlyList<string> supported)
        : base($"{feature} is \"{Shorten(found)}\", supported: {string.Join(", ", supported)}; use a model of a supported kind")
    {
        Feature = feature;
        Found = found;
        Supported = supported;
    }

    /// <summary>What the file asks for.</summary>
    public string Feature { get; }

    /// <summary>The value found.</summary>
    public string Found { get; }

    /// <summary>The values that are supported.</summary>
    public IReadOnlyList<string> Supported { get; }

    // A hostile file may hold a value of megabytes where a name belongs.
    private static string Shorten(string value) => value.Length <= 64 ? value : string.Concat(value.AsSpan(0, 64), "...");
}
