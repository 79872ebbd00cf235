using Personalize.Cli.Options;

namespace Personalize.Cli.Tests.Hosting;

public class MemoryOptionTests
{
    [Theory]
    [InlineData("300MB", 300_000_000)]
    [InlineData("512MiB", 512L << 20)]
    [InlineData("1.5gb", 1_500_000_000)]
    [InlineData("2GiB", 2L << 30)]
    [InlineData("2048KiB", 2L << 20)]
    public void Sizes_have_units_of_a_thousand_or_of_1024(string text, long bytes)
    {
        Assert.True(MemoryOption.TryParse(text, out var found));
        Assert.Equal(bytes, found);
    }

    [Theory]
    [InlineData("300")]
    [InlineData("MB")]
    [InlineData("-1GB")]
    [InlineData("0.5MB")]
    [InlineData("1e300GB")]
    [InlineData("lots")]
    public void Others_are_wrong_usage_that_names_the_option(string text)
    {
        CommandRun.Of("train", "--now", "--memory", text).FailsWith(Cli.Hosting.ExitCode.Usage, "--memory");
    }

    [Theory]
    [InlineData("--lengths", "64,one")]
    [InlineData("--lengths", "1")]
    [InlineData("--ranks", "4,,8")]
    [InlineData("--batches", "0")]
    public void Lists_hold_whole_numbers_within_their_range(string option, string text)
    {
        CommandRun.Of("bench", "training", option, text).FailsWith(Cli.Hosting.ExitCode.Usage, option);
    }
}
