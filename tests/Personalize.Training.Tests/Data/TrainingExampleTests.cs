using Personalize.Training.Data;

namespace Personalize.Training.Tests.Data;

public sealed class TrainingExampleTests
{
    [Theory]
    [InlineData(5, 0, 4)]
    [InlineData(5, 1, 4)]
    [InlineData(5, 3, 2)]
    [InlineData(5, 5, 0)]
    [InlineData(5, 9, 0)]
    [InlineData(1, 0, 0)]
    public void Tokens_after_the_prompt_carry_loss_but_never_the_first(int length, int prompt, int expected) =>
        Assert.Equal(expected, new TrainingExample(new int[length], prompt).LossTokenCount);

    [Fact]
    public void Truncation_cuts_the_end()
    {
        var example = new TrainingExample([1, 2, 3, 4, 5], 2);
        var cut = example.Truncate(3);
        Assert.Equal([1, 2, 3], cut.Ids.ToArray());
        Assert.Equal(2, cut.PromptLength);
        Assert.Equal(1, cut.LossTokenCount);
        Assert.Same(example, example.Truncate(5));
    }

    [Fact]
    public void Misuse_is_refused()
    {
        Assert.Throws<ArgumentException>(() => new TrainingExample([], 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new TrainingExample([1, -1], 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new TrainingExample([1], -1));
    }
}
