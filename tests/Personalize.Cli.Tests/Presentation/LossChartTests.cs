using Personalize.Cli.Presentation;

namespace Personalize.Cli.Tests.Presentation;

public class LossChartTests
{
    [Fact]
    public void A_falling_loss_falls_from_the_left_to_the_right()
    {
        var lines = LossChart.Draw([4, 3, 2, 1]).Split('\n');

        Assert.Equal(8, lines.Length);
        Assert.Equal("   4.000 █   ", lines[0]);
        Assert.Equal("   1.000 ███▁", lines[5]);
        Assert.Equal("    loss steps 1 to 4", lines[6]);
        Assert.Equal("", lines[7]);
    }

    [Fact]
    public void Many_steps_share_a_column_and_equal_ones_make_a_level_line()
    {
        var lines = LossChart.Draw([.. Enumerable.Repeat(2.5, 1000)]).Split('\n');

        Assert.Equal("   2.500 " + new string(' ', 60), lines[0]);
        Assert.Equal("   2.500 " + new string('█', 60), lines[5]);
    }

    [Theory]
    [InlineData]
    [InlineData(1.0)]
    [InlineData(1.0, double.NaN)]
    [InlineData(1.0, double.PositiveInfinity)]
    public void There_is_no_chart_of_nothing(params double[] losses) => Assert.Empty(LossChart.Draw(losses));
}
