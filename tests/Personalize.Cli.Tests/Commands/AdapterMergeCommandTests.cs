using Personalize.Cli.Hosting;

namespace Personalize.Cli.Tests.Commands;

/// <summary><c>adapters merge</c> on a tiny model of unquantized weights, where merged and attached have to agree.</summary>
public sealed class AdapterMergeCommandTests : IDisposable
{
    private const int Rows = 40;
    private const double LossTolerance = 1e-4;
    private readonly TemporaryFolder _folder = new();
    private readonly string _model;
    private readonly string _interactions;

    public AdapterMergeCommandTests()
    {
        _model = TinyModel.Write(_folder);
        _interactions = _folder.Write(
            "interactions.jsonl",
            string.Concat(Enumerable.Range(0, Rows).Select(i => $$"""{"id": {{i}}, "timestamp": {{1741345891 + (i * 60)}}, "context": "ask {{i % 7}}", "text": "la la la {{i % 3}}"}""" + "\n")));
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_trained_adapter_is_merged_and_judged_by_what_was_recorded_after_it()
    {
        var id = Train();
        var path = _folder["merged.gguf"];
        var merged = Run("adapters", "merge", id[..8], path, "--json").Succeeds().Json;
        Assert.Equal(id, merged.GetProperty("id").GetString());
        Assert.Equal("store", merged.GetProperty("judgedOn").GetString());
        Assert.Equal(1, merged.GetProperty("gainKept").GetDouble(), 1e-3);
        Assert.InRange(merged.GetProperty("meanKl").GetDouble(), 0, merged.GetProperty("maxKl").GetDouble());
        Assert.Equal(0, merged.GetProperty("eightBitKl").GetDouble());
        Assert.Equal(0, merged.GetProperty("addedBytes").GetInt64());
        Assert.Equal(14, merged.GetProperty("tensors").GetArrayLength());
        Assert.Equal(new FileInfo(path).Length, merged.GetProperty("bytes").GetInt64());

        var attached = Loss(_model, id);
        Assert.Equal(attached, Loss(path, "none"), LossTolerance);
        Assert.True(Loss(_model, "none") > attached + (10 * LossTolerance));
    }

    [Fact]
    public void Rows_of_a_file_judge_where_they_are_given()
    {
        var merged = Run("adapters", "merge", Train(), _folder["merged.gguf"], "--interactions", _interactions, "--rows", "30..35", "--json").Succeeds().Json;
        Assert.Equal("file", merged.GetProperty("judgedOn").GetString());
        Assert.Equal(Evaluate(_model, "none", "30..35").GetProperty("tokens").GetInt32(), merged.GetProperty("tokens").GetInt32());
    }

    [Fact]
    public void Without_interactions_the_adapted_model_writes_the_texts()
    {
        var exported = _folder["exported"];
        Run("adapters", "export", Train(), exported).Succeeds();
        string[] second = ["--model", _model, "--data", _folder["second"], "--json"];
        var id = CommandRun.Of(["adapters", "import", exported, .. second]).Succeeds().Json.GetProperty("id").GetString()!;
        var merged = CommandRun.Of(["adapters", "merge", id, _folder["merged.gguf"], .. second]).Succeeds().Json;
        Assert.Equal("written", merged.GetProperty("judgedOn").GetString());
        Assert.Equal(1, merged.GetProperty("gainKept").GetDouble(), 1e-2);
    }

    [Fact]
    public void What_cannot_be_written_or_found_is_said_before_the_work()
    {
        var id = Train();
        Run("adapters", "merge", id, _interactions).FailsWith(ExitCode.BadFile, _interactions, "--overwrite");
        Run("adapters", "merge", id, _folder["no/such.gguf"]).FailsWith(ExitCode.BadFile, "folder");
        Run("adapters", "merge", "ffffffff", _folder["m.gguf"]).FailsWith(ExitCode.Usage, "ffffffff");
        Run("adapters", "merge", id, _folder["m.gguf"], "--keep", "2").FailsWith(ExitCode.Usage, "--keep");
        Run("adapters", "merge", id, _folder["m.gguf"], "--eight-bit-kl", "-1").FailsWith(ExitCode.Usage, "--eight-bit-kl");
        Run("adapters", "merge", id, _folder["m.gguf"], "--rows", "1..2").FailsWith(ExitCode.Usage, "--interactions");
        Run("adapters", "merge", id, _model, "--overwrite").FailsWith(ExitCode.BadFile, "base");
        Assert.False(File.Exists(_folder["m.gguf"]));
    }

    private string Train()
    {
        Run("import", _interactions).Succeeds();
        return Run("train", "--now", "--model", _model, "--json").Succeeds().Json.GetProperty("adapterId").GetString()!;
    }

    private CommandRun Run(params string[] args) => CommandRun.Of([.. args, "--data", _folder["profile"]]);

    private System.Text.Json.JsonElement Evaluate(string model, string adapter, string rows = "30..39") =>
        Run("evaluate", "--interactions", _interactions, "--rows", rows, "--model", model, "--adapter", adapter, "--json").Succeeds().Json;

    private double Loss(string model, string adapter) => Evaluate(model, adapter).GetProperty("meanNll").GetDouble();
}
