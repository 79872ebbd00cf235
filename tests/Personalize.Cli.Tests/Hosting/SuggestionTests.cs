using Personalize.Cli.Hosting;

namespace Personalize.Cli.Tests.Hosting;

public class SuggestionTests
{
    [Theory]
    [InlineData("", "", 0)]
    [InlineData("train", "train", 0)]
    [InlineData("trian", "train", 1)]
    [InlineData("tran", "train", 1)]
    [InlineData("traiin", "train", 1)]
    [InlineData("trXin", "train", 1)]
    [InlineData("", "abc", 3)]
    [InlineData("abc", "xyz", 3)]
    [InlineData("CHAT", "chat", 0)]
    public void Distances_by_hand(string left, string right, int distance)
    {
        Assert.Equal(distance, Suggestion.Distance(left, right));
        Assert.Equal(distance, Suggestion.Distance(right, left));
    }

    [Theory]
    [InlineData("trian --now", "; did you mean train?")]
    [InlineData("generate --promt x", "; did you mean --prompt?")]
    [InlineData("generate --prompt x --treads 2", "; did you mean --threads?")]
    [InlineData("store verfy", "; did you mean verify?")]
    [InlineData("adapters roll", "; did you mean rollback?")]
    public void A_mistyped_word_is_guessed(string line, string words) => CommandRun.Of(line.Split(' ')).FailsWith(ExitCode.Usage, words);

    [Theory]
    [InlineData("zzzzzz")]
    [InlineData("generate --prompt x --zzzzzz")]
    public void What_is_near_nothing_is_not_guessed(string line) => Assert.DoesNotContain("did you mean", CommandRun.Of(line.Split(' ')).FailsWith(ExitCode.Usage).Error, StringComparison.Ordinal);
}
