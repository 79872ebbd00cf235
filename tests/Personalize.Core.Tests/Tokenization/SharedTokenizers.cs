using System.Collections.Concurrent;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Tokenization;
using Personalize.TestSupport;

namespace Personalize.Core.Tests.Tokenization;

/// <summary>Tokenizers of the shared models and vocabularies, each loaded once.</summary>
internal static class SharedTokenizers
{
    private static readonly ConcurrentDictionary<string, ITokenizer> Loaded = new(StringComparer.Ordinal);

    public static ITokenizer SmolLm2 => Load(SharedFiles.Model);

    public static ITokenizer Load(string relativePath) => Loaded.GetOrAdd(relativePath, path =>
    {
        using var file = GgufFile.Open(SharedFiles.Resolve(path));
        return GgufTokenizer.Load(file.Metadata);
    });
}
