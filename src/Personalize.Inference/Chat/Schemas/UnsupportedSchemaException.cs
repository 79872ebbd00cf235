using Personalize.Core.Errors;

namespace Personalize.Inference.Chat.Schemas;

/// <summary>A JSON schema asks for something that answers cannot be held to.</summary>
public sealed class UnsupportedSchemaException : PersonalizeException
{
    /// <summary>Carries the keyword and where it stands.</summary>
    /// <param name="path">A JSON pointer into the schema (RFC 6901); empty for its root.</param>
    /// <param name="keyword">The keyword at fault, or null where the whole schema at the path is.</param>
    /// <param name="reason">What is wrong with it and what to do.</param>
    public UnsupportedSchemaException(string path, string? keyword, string reason)
        : base($"schema at '#{path}': {(keyword is null ? "" : $"'{keyword}' ")}{reason}")
    {
        Path = path;
        Keyword = keyword;
    }

    /// <summary>A JSON pointer into the schema; empty for its root.</summary>
    public string Path { get; }

    /// <summary>The keyword at fault, or null where the whole schema at <see cref="Path"/> is.</summary>
    public string? Keyword { get; }
}
