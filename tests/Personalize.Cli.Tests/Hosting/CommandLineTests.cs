namespace Personalize.Cli.Tests.Hosting;

public class CommandLineTests
{
    [Fact]
    public void Without_a_command_the_usage_is_wrong() => CommandRun.Of().FailsWith(Cli.Hosting.ExitCode.Usage, "--help");

    [Theory]
    [InlineData("agent")]
    [InlineData("agent run --now")]
    [InlineData("agent install --print --for beos")]
    [InlineData("train --assume sunny")]
    [InlineData("train --give-up-after -1")]
    [InlineData("bench")]
    [InlineData("models quantize a b")]
    [InlineData("models quantize a b --type Q5_0")]
    [InlineData("models score r")]
    [InlineData("generate --prompt x --sinks 4")]
    [InlineData("generate --prompt x --speculation tree")]
    [InlineData("generate --prompt x --speculation draft")]
    [InlineData("generate --prompt x --draft-model m.gguf")]
    [InlineData("train --wait")]
    [InlineData("store compact")]
    [InlineData("doctor --nonsense")]
    public void What_does_not_exist_is_not_offered(string line)
    {
        var run = CommandRun.Of(line.Split(' ')).FailsWith(Cli.Hosting.ExitCode.Usage);

        Assert.Empty(run.Out);
    }

    [Theory]
    [InlineData("doctor --threads 0", "--threads")]
    [InlineData("doctor --threads 257", "--threads")]
    [InlineData("doctor --threads two", "--threads")]
    [InlineData("doctor --seed -1", "--seed")]
    [InlineData("generate --prompt x --temperature -0.5", "--temperature")]
    [InlineData("generate --prompt x --temperature NaN", "--temperature")]
    [InlineData("generate --prompt x --top-k -1", "--top-k")]
    [InlineData("generate --prompt x --top-p 0", "--top-p")]
    [InlineData("generate --prompt x --top-p 1.5", "--top-p")]
    [InlineData("generate --prompt x --min-p 2", "--min-p")]
    [InlineData("generate --prompt x --repeat-penalty 0", "--repeat-penalty")]
    [InlineData("generate --prompt x --max-tokens 0", "--max-tokens")]
    [InlineData("generate --prompt x --precision f16", "--precision")]
    [InlineData("generate --ids 1,-2", "--ids")]
    [InlineData("generate --ids 1,99999999999", "--ids")]
    [InlineData("generate --ids a", "--ids")]
    [InlineData("generate", "--prompt")]
    [InlineData("generate --prompt x --ids 1", "--prompt")]
    [InlineData("logits --ids 1", "--out")]
    [InlineData("perplexity --file x --window 1", "--window")]
    [InlineData("perplexity --file x --windows 0", "--windows")]
    [InlineData("record --context c", "--text")]
    [InlineData("store erase", "--id")]
    [InlineData("store erase --id 0", "--id")]
    [InlineData("store erase --id 1 --all", "--id")]
    [InlineData("store erase --source a --all", "--source")]
    [InlineData("store retain", "--days")]
    [InlineData("store retain --days -1", "--days")]
    [InlineData("store passphrase --remove --new-passphrase-file f", "--remove")]
    [InlineData("bench store --largest 1", "--largest")]
    [InlineData("store consent app", "--give")]
    [InlineData("store consent app --give --withdraw", "--give")]
    public void A_bad_option_is_named_in_one_line(string line, string option)
    {
        var run = CommandRun.Of(line.Split(' ')).FailsWith(Cli.Hosting.ExitCode.Usage, option);

        Assert.Empty(run.Out);
        Assert.Single(run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public void With_json_an_error_is_one_object_too()
    {
        var json = CommandRun.Of("doctor", "--threads", "0", "--json").FailsWith(Cli.Hosting.ExitCode.Usage, "--threads").Json;

        Assert.Equal(2, json.GetProperty("exitCode").GetInt32());
        Assert.Contains("--threads", json.GetProperty("error").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("generate --help")]
    [InlineData("--version")]
    public void Help_and_version_are_no_errors(string line)
    {
        var run = CommandRun.Of(line.Split(' ')).Succeeds();

        Assert.NotEmpty(run.Out);
        Assert.Empty(run.Error);
    }

    [Fact]
    public void A_stray_word_of_a_text_is_not_repeated()
    {
        var run = CommandRun.Of("record", "--context", "c", "--text", "my", "secret").FailsWith(Cli.Hosting.ExitCode.Usage);

        Assert.DoesNotContain("secret", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Only_verbose_shows_the_stack()
    {
        Assert.DoesNotContain("   at ", CommandRun.Of("models", "inspect", "/nowhere.gguf").Error, StringComparison.Ordinal);
        Assert.Contains("   at ", CommandRun.Of("models", "inspect", "/nowhere.gguf", "--verbose").Error, StringComparison.Ordinal);
    }
}
