using Personalize.Cli.Presentation;

namespace Personalize.Cli.Tests.Presentation;

public class TerminalTextTests
{
    [Fact]
    public void Escape_sequences_are_made_visible() => Assert.Equal("a\uFFFD[2Jb\uFFFDc\uFFFD", TerminalText.Clean("a\u001b[2Jb\rc\u009b"));

    [Fact]
    public void Ordinary_text_stays() => Assert.Equal("añ🙂\tb\nשלום", TerminalText.Clean("añ🙂\tb\nשלום"));
}
