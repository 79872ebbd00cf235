using Personalize.Cli.Benchmarks;

namespace Personalize.Cli.Tests.Benchmarks;

public class ScenarioPartTests
{
    private static readonly int[] Prompt = [1, 2, 3, 4, 5, 6, 7, 8];

    [Theory]
    [InlineData(new[] { 1, 2, 3, 4, 5, 99 }, 1.0)]
    [InlineData(new[] { 2, 3, 4, 99 }, 0.0)]
    [InlineData(new[] { 1, 2, 3, 4, 50, 5, 6, 7, 8, 99 }, 8.0 / 9)]
    [InlineData(new[] { 50, 51, 3, 4, 5, 6, 7, 52, 53, 54, 99 }, 0.5)]
    [InlineData(new[] { 99 }, 0.0)]
    [InlineData(new int[0], 0.0)]
    public void Runs_of_four_that_stand_in_the_prompt_are_repeated(int[] answer, double share) => Assert.Equal(share, ScenarioPart.ShareRepeated(Prompt, answer), 12);

    [Fact]
    public void Four_fifths_are_enough()
    {
        Assert.True(ScenarioPart.Repeated.Contains(Prompt, [1, 2, 3, 4, 50, 99]));
        Assert.False(ScenarioPart.Repeated.Contains(Prompt, [1, 2, 3, 4, 50, 51, 99]));
    }
}
