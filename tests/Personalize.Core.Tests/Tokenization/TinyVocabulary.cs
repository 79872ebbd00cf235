using System.Text.Json;
using Personalize.Core.Tokenization;
using Personalize.TestSupport;

namespace Personalize.Core.Tests.Tokenization;

/// <summary>The small vocabulary of <c>tests/Oracles/tokenization</c>.</summary>
internal static class TinyVocabulary
{
    public const int Start = 1;
    public const int End = 2;
    public const int DoubleEnd = 3;
    public const int UserDefined = 4;

    private static readonly JsonElement Root = JsonDocument.Parse(File.ReadAllBytes(SharedFiles.Fixture("tokenization/tiny-vocabulary.json"))).RootElement;

    public static string[] PreTokenizers { get; } = ["gpt-2", "smollm", "qwen2", "llama-bpe"];

    public static string[] Tokens => [.. Root.GetProperty("tokens").EnumerateArray().Select(token => token.GetString()!)];

    public static TokenType[] Types => [.. Root.GetProperty("types").EnumerateArray().Select(type => (TokenType)type.GetInt32())];

    public static string[] Merges => [.. Root.GetProperty("merges").EnumerateArray().Select(merge => merge.GetString()!)];

    public static BytePairTokenizer SmolLm { get; } = Create("smollm");

    public static BytePairTokenizer Create(string preTokenizer) => new(Define(preTokenizer));

    public static TokenizerDefinition Define(string preTokenizer = "smollm", string model = "gpt2", string[]? tokens = null, TokenType[]? types = null, string[]? merges = null, int? beginning = Start, int? end = End, int? endOfTurn = null) => new()
    {
        Model = model,
        PreTokenizer = preTokenizer,
        Tokens = tokens ?? Tokens,
        TokenTypes = types ?? Types,
        Merges = merges ?? Merges,
        BeginningOfText = beginning,
        EndOfText = end,
        EndOfTurn = endOfTurn,
    };

    public static IEnumerable<(string Text, int[] Ids)> Cases(string preTokenizer) => Root.GetProperty("cases").EnumerateArray().Select(item => (
        item.GetProperty("text").GetString()!,
        item.GetProperty("ids").GetProperty(preTokenizer).EnumerateArray().Select(id => id.GetInt32()).ToArray()));
}
