using System.Text.Json;

namespace Personalize.Cli.Tests.Commands;

/// <summary><c>generate --speculation</c>: the same text, drafted from each source.</summary>
public sealed class SpeculationTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _model;

    public SpeculationTests() => _model = TinyModel.Write(_folder);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_source_of_drafts_gives_the_text_of_none()
    {
        var history = "la la la la la la la la";
        CommandRun.Of("record", "--data", _folder["profile"], "--context", "ask", "--text", history).Succeeds();
        var expected = Generate("off");
        Assert.Equal(0, expected.GetProperty("draftedTokens").GetInt32());

        foreach (var arguments in new[] { new[] { "lookup" }, ["history"], ["draft", "--draft-model", TinyModel.Write(_folder, seed: 2)], ["draft", "--draft-model", _model] })
        {
            var actual = Generate(arguments);

            Assert.Equal(Ids(expected), Ids(actual));
            Assert.Equal(expected.GetProperty("text").GetString(), actual.GetProperty("text").GetString());
            Assert.InRange(actual.GetProperty("acceptedTokens").GetInt32(), 0, actual.GetProperty("draftedTokens").GetInt32());
            Assert.True(actual.TryGetProperty("speculationGivenUp", out _));
        }
    }

    [Fact]
    public void History_is_read_from_the_profile()
    {
        CommandRun.Of("record", "--data", _folder["profile"], "--context", "a", "--text", "b").Succeeds();
        CommandRun.Of("record", "--data", _folder["profile"], "--context", "c", "--text", "d").Succeeds();

        var run = CommandRun.Of("generate", "--data", _folder["profile"], "--model", _model, "--prompt", "abc", "--max-tokens", "4", "--speculation", "history").Succeeds();

        Assert.Contains("of 2 interactions", run.Error, StringComparison.Ordinal);
        Assert.Contains("drafted tokens accepted", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void History_without_a_profile_is_said_and_not_an_error() =>
        Assert.Contains("no history", CommandRun.Of("generate", "--data", _folder["none"], "--model", _model, "--prompt", "abc", "--max-tokens", "4", "--speculation", "history").Succeeds().Error, StringComparison.Ordinal);

    [Fact]
    public void A_missing_draft_model_is_named() =>
        CommandRun.Of("generate", "--data", _folder["none"], "--model", _model, "--prompt", "abc", "--speculation", "draft", "--draft-model", _folder["no.gguf"])
            .FailsWith(Cli.Hosting.ExitCode.BadFile, "no.gguf");

    private static int[] Ids(JsonElement json) => [.. json.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];

    private JsonElement Generate(params string[] speculation) =>
        CommandRun.Of(["generate", "--data", _folder["profile"], "--model", _model, "--chat", "abcabcabcabc", "--max-tokens", "60", "--json", "--speculation", .. speculation]).Succeeds().Json;
}
