using Personalize.Cli.Hosting;

namespace Personalize.Cli.Tests.Commands;

/// <summary><c>bench inference</c>, <c>bench training</c> on texts, and the long stream of <c>perplexity</c> on a tiny model: what is reported, never how fast it is.</summary>
public sealed class BenchCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _model;

    public BenchCommandTests() => _model = TinyModel.Write(_folder);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Parts_that_need_no_long_context_report_their_figures()
    {
        var json = Bench("switch", "divergence", "context").Succeeds().Json;
        Assert.True(json.GetProperty("machine").GetProperty("readGBps").GetDouble() > 0);
        Assert.True(json.GetProperty("switch").GetProperty("packMilliseconds").GetDouble() > 0);
        var divergence = json.GetProperty("divergence");
        Assert.Equal(200, divergence.GetProperty("tokens").GetInt32());
        Assert.InRange(divergence.GetProperty("meanKl").GetDouble(), 0, divergence.GetProperty("maxKl").GetDouble());
        Assert.Equal([128, 256], json.GetProperty("context").EnumerateArray().Select(row => row.GetProperty("tokens").GetInt32()));
        Assert.Equal(TinyModel.ContextLength, json.GetProperty("contextLimit").GetInt32());
        Assert.False(json.TryGetProperty("ours", out _));
    }

    [Fact]
    public void Texts_of_every_drafter_are_checked_with_and_without_sinks_and_an_adapter()
    {
        var interactions = _folder.Write(
            "interactions.jsonl",
            string.Concat(Enumerable.Range(0, 12).Select(i => $$"""{"id": {{i}}, "timestamp": {{1741345891 + (i * 60)}}, "context": "ask {{i % 3}}", "text": "la la la {{i % 3}}"}""" + "\n")));
        var dialogues = _folder.Write("dialogues.txt", "U: one\nA: two\nU: three\nA: four\n\nU: five\nA: six\n");
        var json = CommandRun.Of(
            "bench", "inference", "--model", _model, "--data", _folder["none"], "--part", "speculation", "--interactions", interactions, "--rows", "8..11", "--dialogues", dialogues,
            "--draft-model", TinyModel.Write(_folder, seed: 2), "--max-tokens", "24", "--check", "6", "--json").Succeeds().Json.GetProperty("speculation");
        Assert.Equal(["later", "edit", "repeated", "dialogues"], json.GetProperty("scenarios").EnumerateArray().Select(row => row.GetProperty("scenario").GetString()));
        Assert.Equal(4, json.GetProperty("check").GetArrayLength());
        var figures = json.GetProperty("scenarios").EnumerateArray().Concat(json.GetProperty("check").EnumerateArray()).SelectMany(row => row.GetProperty("drafters").EnumerateArray()).ToArray();
        Assert.Equal(["lookup", "history", "refine", "draft"], figures.Select(row => row.GetProperty("drafter").GetString()).Distinct());
        Assert.All(figures, row => Assert.Equal(row.GetProperty("texts").GetInt32(), row.GetProperty("identical").GetInt32()));
        Assert.Contains(figures, row => row.GetProperty("acceptedTokens").GetInt32() > 0);
        Assert.All(json.GetProperty("check").EnumerateArray(), row => Assert.Equal(6, row.GetProperty("drafters")[0].GetProperty("texts").GetInt32()));
    }

    [Fact]
    public void Training_on_texts_tells_what_padding_would_add()
    {
        string[] texts = ["a", "a b c d e f g h", "a b", "a b c d", "a", "a b c d e f"];
        var interactions = _folder.Write("texts.jsonl", string.Concat(texts.Select((text, i) => $$"""{"id": {{i}}, "timestamp": {{1741345891 + i}}, "context": "ask", "text": "{{text}}"}""" + "\n")));
        string[] line = ["bench", "training", "--model", _model, "--data", _folder["none"], "--interactions", interactions];
        var json = CommandRun.Of([.. line, "--batch", "2", "--runs", "2", "--json"]).Succeeds().Json;
        var lengths = json.GetProperty("lengths").EnumerateArray().Select(length => length.GetInt32()).ToArray();
        Assert.Equal(4, lengths.Length);
        Assert.Equal(lengths.Sum(), json.GetProperty("tokens").GetInt32());
        Assert.Equal(2 * (Math.Max(lengths[0], lengths[1]) + Math.Max(lengths[2], lengths[3])), json.GetProperty("paddedTokens").GetInt32());
        Assert.True(json.GetProperty("paddedTokens").GetInt32() > json.GetProperty("tokens").GetInt32());
        Assert.True(json.GetProperty("tokensPerSecond").GetDouble() > 0);
        CommandRun.Of([.. line, "--batch", "6"]).FailsWith(ExitCode.Usage, "6 rows");
        CommandRun.Of([.. line, "--ranks", "4,8"]).FailsWith(ExitCode.Usage, "--ranks");
    }

    [Theory]
    [InlineData("--part nonsense", "nonsense")]
    [InlineData("--part shapes --shape gpt-9", "gpt-9")]
    [InlineData("--part speculation --rows 1..2", "--interactions")]
    public void What_cannot_be_measured_is_said(string line, string word) =>
        CommandRun.Of(["bench", "inference", "--model", _model, "--data", _folder["none"], .. line.Split(' ')]).FailsWith(ExitCode.Usage, word);

    [Fact]
    public void A_long_stream_reports_its_parts_and_agrees_with_one_part()
    {
        var text = _folder.Write("text.txt", string.Concat(Enumerable.Range(0, 400).Select(i => $"{i * i % 97} ")));
        var one = Stream(text, "--parts", "1");
        var many = Stream(text, "--parts", "5", "--recompute", "3");
        Assert.Equal(one.GetProperty("meanNll").GetDouble(), many.GetProperty("meanNll").GetDouble(), 1e-9);
        var parts = many.GetProperty("parts").EnumerateArray().ToArray();
        Assert.Equal(5, parts.Length);
        Assert.Equal(many.GetProperty("tokens").GetInt32(), parts.Sum(part => part.GetProperty("tokens").GetInt32()));
        Assert.Equal(0, parts[0].GetProperty("from").GetInt32());
        Assert.True(many.GetProperty("decodeTokensPerSecondEnd").GetDouble() > 0);
        Assert.True(many.GetProperty("residentBytesEnd").GetInt64() > 0);
        var sample = many.GetProperty("recomputation");
        Assert.Equal(48, sample.GetProperty("tokens").GetInt32());
        Assert.InRange(sample.GetProperty("streamOfRecomputed").GetDouble(), 0.5, 2);
        Assert.False(one.TryGetProperty("recomputation", out _));
    }

    [Fact]
    public void Options_of_a_stream_need_one_that_is_long_enough()
    {
        var text = _folder.Write("text.txt", new string('a', 60));
        CommandRun.Of("perplexity", "--file", text, "--model", _model, "--data", _folder["none"], "--recompute", "1").FailsWith(ExitCode.Usage, "--cache");
        CommandRun.Of("perplexity", "--file", text, "--model", _model, "--data", _folder["none"], "--cache", "40", "--recompute", "9").FailsWith(ExitCode.Usage, "--recompute");
    }

    private CommandRun Bench(params string[] parts) =>
        CommandRun.Of(["bench", "inference", "--model", _model, "--data", _folder["none"], "--runs", "1", "--tokens", "200", "--threads", "1", "--json", "--part", .. parts]);

    private System.Text.Json.JsonElement Stream(string text, params string[] more) =>
        CommandRun.Of(["perplexity", "--file", text, "--model", _model, "--data", _folder["none"], "--sinks", "4", "--cache", "60", "--json", .. more]).Succeeds().Json;
}
