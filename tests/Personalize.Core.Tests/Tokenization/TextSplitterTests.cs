using Personalize.Core.Tokenization;

namespace Personalize.Core.Tests.Tokenization;

/// <summary>Pieces worked out by hand from the regular expressions.</summary>
public class TextSplitterTests
{
    [Theory]
    [InlineData("the tide", "the| tide")]
    [InlineData("a  b", "a| | b")]
    [InlineData("a  ", "a|  ")]
    [InlineData("a\n\nb", "a|\n|\n|b")]
    [InlineData("x 12", "x| |1|2")]
    [InlineData("x  12", "x|  |1|2")]
    [InlineData("a½𝟘b", "a|½|𝟘|b")]
    [InlineData("we're We'RE", "we|'re| We|'|RE")]
    [InlineData("a 's", "a| '|s")]
    [InlineData("a, b!?", "a|,| b|!?")]
    [InlineData("𠀀𠀁", "𠀀𠀁")]
    [InlineData("e\u0301x", "e|\u0301|x")]
    [InlineData("a\u0085b\u200Bc", "a|\u0085|b|\u200B|c")]
    [InlineData("a\u00A0b\u3000\u2028c", "a|\u00A0|b|\u3000|\u2028|c")]
    public void SmolLm(string text, string pieces) => Assert.Equal(pieces.Split('|'), Split(new Gpt2Splitter(singleNumbers: true), text));

    [Theory]
    [InlineData("x 12", "x| 12")]
    [InlineData("x  12", "x| | 12")]
    [InlineData("1½ 𝟘", "1½| 𝟘")]
    public void Gpt2(string text, string pieces) => Assert.Equal(pieces.Split('|'), Split(new Gpt2Splitter(singleNumbers: false), text));

    [Theory]
    [InlineData("12345 6", "123|45| |6")]
    [InlineData("1𝟘½9", "1𝟘½|9")]
    [InlineData("a  b", "a| | b")]
    [InlineData("a\tb", "a|\tb")]
    [InlineData("a\nb", "a|\n|b")]
    [InlineData("a \n \n  b", "a| \n \n| | b")]
    [InlineData("x;\n\n y", "x|;\n\n| y")]
    [InlineData(" {\r\n}", " {\r\n|}")]
    [InlineData("WE'LL 'ſa 'x", "WE|'LL| '|ſa| '|x")]
    [InlineData("we'ſa", "we|'ſ|a")]
    [InlineData("(the", "(the")]
    [InlineData("((the", "((|the")]
    public void Llama3(string text, string pieces) => Assert.Equal(pieces.Split('|'), Split(new Llama3Splitter(maximumNumbers: 3), text));

    [Theory]
    [InlineData("123 4", "1|2|3| |4")]
    public void Qwen2(string text, string pieces) => Assert.Equal(pieces.Split('|'), Split(new Llama3Splitter(maximumNumbers: 1), text));

    private static List<string> Split(ITextSplitter splitter, string text)
    {
        var pieces = new List<string>();
        for (var rest = text.AsSpan(); !rest.IsEmpty; rest = rest[pieces[^1].Length..])
        {
            pieces.Add(rest[..splitter.NextPiece(rest)].ToString());
        }

        return pieces;
    }
}
