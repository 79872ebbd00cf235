using System.Globalization;
using System.Text;
using Personalize.Core.Tokenization;

namespace Personalize.Inference.Tests.Speculation;

/// <summary>Each token is its own number as text; no token ends anything.</summary>
internal sealed class PlainTokenizer(int vocabularySize, string prefix = " ") : ITokenizer
{
    private readonly byte[][] _bytes = [.. Enumerable.Range(0, vocabularySize).Select(id => Encoding.UTF8.GetBytes(prefix + id.ToString(CultureInfo.InvariantCulture)))];

    public int VocabularySize => vocabularySize;

    public int? BeginningOfText => null;

    public int? EndOfText => null;

    public int? EndOfTurn => null;

    public IReadOnlySet<int> StopTokens { get; } = new HashSet<int>();

    public bool PrependsBeginningOfText => false;

    public bool IsSpecial(int id) => false;

    public ReadOnlySpan<byte> GetTokenBytes(int id) => _bytes[id];

    public int[] Encode(string text, bool parseSpecialTokens) => throw new NotSupportedException("These tests start from tokens.");

    public int[] Encode(RenderedPrompt prompt) => throw new NotSupportedException("These tests start from tokens.");

    public string Decode(ReadOnlySpan<int> ids, bool includeSpecialTokens) => string.Concat(ids.ToArray().Select(id => prefix + id.ToString(CultureInfo.InvariantCulture)));
}
