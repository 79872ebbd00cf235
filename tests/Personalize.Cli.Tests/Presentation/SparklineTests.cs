using Personalize.Cli.Presentation;

namespace Personalize.Cli.Tests.Presentation;

public class SparklineTests
{
    [Fact]
    public void Falls_from_the_highest_mark_to_the_lowest()
    {
        Assert.Equal("8.00 █▇▆▅▄▃▂▁ 1.00", Sparkline.Draw([8, 7, 6, 5, 4, 3, 2, 1], unicode: true));
        Assert.Equal("8.00 #*+=~-._ 1.00", Sparkline.Draw([8, 7, 6, 5, 4, 3, 2, 1], unicode: false));
    }

    [Fact]
    public void Many_steps_are_means_of_neighbours()
    {
        var line = Sparkline.Draw([.. Enumerable.Range(0, 96).Select(i => i % 2 == 0 ? 3d : 5)], unicode: true);

        Assert.Equal("4.00 " + new string('▅', 48) + " 4.00", line);
    }

    [Fact]
    public void Without_two_finite_losses_there_is_none()
    {
        Assert.Equal("", Sparkline.Draw([1], unicode: true));
        Assert.Equal("", Sparkline.Draw([1, double.NaN], unicode: true));
    }
}
