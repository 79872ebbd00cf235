using System.Text;
using Personalize.Core.Tokenization;

namespace Personalize.Inference.Tests.Generation;

/// <summary>A vocabulary of the 256 bytes and one end token.</summary>
internal sealed class ByteTokenizer : ITokenizer
{
    public const int End = 256;

    private static readonly byte[] Bytes = [.. Enumerable.Range(0, 256).Select(value => (byte)value)];

    public int VocabularySize => 257;

    public int? BeginningOfText => null;

    public int? EndOfText => End;

    public int? EndOfTurn => null;

    public IReadOnlySet<int> StopTokens { get; } = new HashSet<int> { End };

    public bool PrependsBeginningOfText => false;

    public bool IsSpecial(int id) => id == End;

    public ReadOnlySpan<byte> GetTokenBytes(int id) => id == End ? "<end>"u8 : Bytes.AsSpan(id, 1);

    public int[] Encode(string text, bool parseSpecialTokens) => [.. Encoding.UTF8.GetBytes(text).Select(value => (int)value)];

    public int[] Encode(RenderedPrompt prompt) => Encode(prompt.Text, parseSpecialTokens: false);

    public string Decode(ReadOnlySpan<int> ids, bool includeSpecialTokens)
    {
        var bytes = new List<byte>();
        foreach (var id in ids)
        {
            if (!IsSpecial(id) || includeSpecialTokens)
            {
                bytes.AddRange(GetTokenBytes(id));
            }
        }

        return Encoding.UTF8.GetString([.. bytes]);
    }
}
