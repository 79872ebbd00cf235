using FsCheck;
using FsCheck.Fluent;
using Personalize.Core.Tokenization;

namespace Personalize.Core.Tests.Tokenization;

public class RenderedPromptTests
{
    [Theory]
    [InlineData(0, 0)]
    [InlineData(3, 3)]
    [InlineData(-1, 2)]
    [InlineData(4, int.MaxValue)]
    [InlineData(6, 1)]
    public void Ranges_LieWithinTheText(int start, int length) =>
        Assert.Throws<ArgumentException>(() => new RenderedPrompt("abcde", [new TextRange(start, length)]));

    [Fact]
    public void Ranges_DoNotOverlap() =>
        Assert.Throws<ArgumentException>(() => new RenderedPrompt("abcde", [new TextRange(0, 3), new TextRange(2, 2)]));

    [Fact]
    public void From_KeepsTheProvenanceOfWhatIsLeft() => Check.QuickThrowOnFailure(Prop.ForAll(
        Gen.Elements(true, false).ArrayOf().ToArbitrary(),
        Gen.Choose(0, 100).ToArbitrary(),
        (flags, cut) =>
        {
            var start = cut % (flags.Length + 1);
            var prompt = new RenderedPrompt(new string('x', flags.Length), flags.Select((isUntrusted, i) => (isUntrusted, i)).Where(item => item.isUntrusted).Select(item => new TextRange(item.i, 1)));
            var rest = prompt.From(start);
            return rest.Text.Length == flags.Length - start
                && Enumerable.Range(0, rest.Text.Length).All(i => rest.IsTrusted(i, 1) == !flags[start + i])
                && prompt.IsTrusted(0, flags.Length) == !flags.Contains(true);
        }));

    [Fact]
    public void From_RefusesPositionsOutside() => Assert.Throws<ArgumentOutOfRangeException>(() => RenderedPrompt.Trusted("abc").From(4));
}
