using System.Text.Json;
using Personalize.Cli.Diagnostics;
using Personalize.Cli.Hosting;
using Personalize.Core.Interactions;
using Personalize.Training;

namespace Personalize.Cli.Tests.Commands;

/// <summary>The loop of the command on a tiny model: import, train, gate, adapters, generate, evaluate, chat, demo.</summary>
public sealed class LoopTests : IDisposable
{
    private const int Rows = 40;
    private readonly TemporaryFolder _folder = new();
    private readonly string _model;
    private readonly string _interactions;

    public LoopTests()
    {
        _model = TinyModel.Write(_folder);
        _interactions = _folder.Write(
            "interactions.jsonl",
            string.Concat(Enumerable.Range(0, Rows).Select(i => $$"""{"id": {{i}}, "timestamp": {{1741345891 + (i * 60)}}, "context": "ask {{i % 7}}", "text": "la la la {{i % 3}}"}""" + "\n")));
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Training_learns_promotes_and_is_served_without_being_asked()
    {
        Import();
        var trained = Train().Succeeds().Json;

        Assert.Equal("promoted", trained.GetProperty("gate").GetString());
        Assert.Equal(LoraRecipe.Default.Epochs * (Rows * 70 / 100 / 4), trained.GetProperty("steps").GetInt32());
        Assert.Equal(trained.GetProperty("steps").GetInt32(), trained.GetProperty("losses").GetArrayLength());
        Assert.True(trained.GetProperty("testNllAdapter").GetDouble() < trained.GetProperty("testNllBase").GetDouble());
        Assert.True(trained.GetProperty("trainTokens").GetInt64() > 0);
        Assert.True(trained.GetProperty("trainSeconds").GetDouble() > 0);
        Assert.True(trained.GetProperty("trainTokensPerSecond").GetDouble() > 0);
        Assert.True(trained.GetProperty("peakResidentBytes").GetInt64() > 0);

        var listed = Assert.Single(Run("adapters", "list", "--json").Succeeds().Json.GetProperty("adapters").EnumerateArray());
        Assert.Equal(trained.GetProperty("adapterId").GetString(), listed.GetProperty("id").GetString());
        Assert.Equal("promoted", listed.GetProperty("status").GetString());
        Assert.Equal(8, listed.GetProperty("rank").GetInt32());
        Assert.Equal(7, listed.GetProperty("targets").GetArrayLength());
        Assert.Equal(28, listed.GetProperty("trainedOn").GetProperty("interactions").GetInt32());
        Assert.Equal(trained.GetProperty("testNllBase").GetDouble(), listed.GetProperty("testNllBase").GetDouble());

        // The model is remembered, and the promoted adapter is the one that is used.
        var loss = Loss();
        Assert.Equal(loss, Loss("--adapter", listed.GetProperty("id").GetString()![..6]));
        Assert.True(loss < Loss("--adapter", "none"));
        Assert.Equal(Loss("--adapter", "none"), Loss("--adapter", "none", "--model", _model));
    }

    [Fact]
    public void The_gates_figures_are_those_of_evaluate()
    {
        Import();
        var trained = Train().Succeeds().Json;
        var first = (Rows * 70 / 100) + (Rows * 7 / 100);

        Assert.Equal(trained.GetProperty("testNllBase").GetDouble(), Loss("--rows", $"{first}..{Rows - 1}", "--adapter", "none"), 9);
        Assert.Equal(trained.GetProperty("testNllAdapter").GetDouble(), Loss("--rows", $"{first}..{Rows - 1}"), 9);
        Assert.Equal(Loss("--rows", $"{first}..{Rows - 1}"), Loss("--rows", $"{first}..{Rows - 1}", "--precision", "served"), 1);
    }

    [Fact]
    public void An_adapter_no_better_than_the_one_in_use_is_kept_as_rejected()
    {
        Import();
        var first = Train().Succeeds().Json.GetProperty("adapterId").GetString();

        var second = Train();

        Assert.Equal(ExitCode.Refused, second.ExitCode);
        Assert.Equal("rejected", second.Json.GetProperty("gate").GetString());
        var adapters = Run("adapters", "list", "--json").Json.GetProperty("adapters").EnumerateArray().ToDictionary(adapter => adapter.GetProperty("id").GetString()!, adapter => adapter.GetProperty("status").GetString());
        Assert.Equal("promoted", adapters[first!]);
        Assert.Equal("rejected", adapters[second.Json.GetProperty("adapterId").GetString()!]);
    }

    [Fact]
    public void Adapters_are_promoted_rolled_back_compared_and_removed()
    {
        Import();
        var first = Train().Succeeds().Json.GetProperty("adapterId").GetString()!;
        var second = Train("--seed", "9").Json.GetProperty("adapterId").GetString()!;

        Assert.Equal(second, Run("adapters", "promote", second[..8], "--json").Succeeds().Json.GetProperty("id").GetString());
        Assert.Equal("retired", Run("adapters", "show", first, "--json").Succeeds().Json.GetProperty("status").GetString());
        var modules = Run("adapters", "diff", first, second, "--json").Succeeds().Json.GetProperty("modules");
        Assert.Equal(14, modules.GetArrayLength());
        Assert.All(modules.EnumerateArray(), module => Assert.True(module.GetProperty("normOfADifference").GetDouble() > 0));
        Run("adapters", "remove", second).FailsWith(ExitCode.Failed, second);
        Assert.Equal(first, Run("adapters", "rollback", "--json").Succeeds().Json.GetProperty("promoted").GetString());
        Assert.Equal(JsonValueKind.Null, Run("adapters", "rollback", "--json").Succeeds().Json.GetProperty("promoted").ValueKind);
        Run("adapters", "remove", second).Succeeds();
        Run("adapters", "show", second).FailsWith(ExitCode.Usage, second);
        Assert.Equal(Loss("--adapter", "none"), Loss());
    }

    [Theory]
    [InlineData("peft")]
    [InlineData("gguf")]
    public void An_exported_adapter_serves_from_its_path_and_imports_into_another_profile(string format)
    {
        Import();
        var id = Train().Succeeds().Json.GetProperty("adapterId").GetString()!;
        var path = _folder["exported-" + format];
        Run("adapters", "export", id, path, "--format", format).Succeeds();

        Assert.Equal(Loss(), Loss("--adapter", path), 6);
        var imported = CommandRun.Of("adapters", "import", path, "--model", _model, "--data", _folder["second"], "--json").Succeeds().Json;
        Assert.Equal("candidate", imported.GetProperty("status").GetString());
        Run("adapters", "export", id, path, "--format", format).FailsWith(ExitCode.BadFile, path);

        // Another base, and something that is no adapter at all.
        var other = TinyModel.Write(_folder, seed: 2);
        CommandRun.Of("adapters", "import", path, "--model", other, "--data", _folder["second"]).FailsWith(ExitCode.BadFile, "base");
        CommandRun.Of("generate", "--prompt", "x", "--adapter", path, "--model", other, "--data", _folder["second"]).FailsWith(ExitCode.BadFile, "base");
        CommandRun.Of("adapters", "import", Directory.CreateDirectory(_folder["empty-" + format]).FullName, "--model", _model, "--data", _folder["second"]).FailsWith(ExitCode.BadFile, "empty-" + format);
    }

    [Fact]
    public void The_promoted_adapter_of_another_base_is_left_out_with_a_warning()
    {
        Import();
        Train().Succeeds();

        var run = Run("generate", "--prompt", "x", "--max-tokens", "2", "--model", TinyModel.Write(_folder, seed: 2)).Succeeds();

        Assert.Contains("warning: ", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Erasing_names_the_adapters_that_learned_from_it()
    {
        Import();
        var id = Train().Succeeds().Json.GetProperty("adapterId").GetString()!;

        Assert.Equal([id], Run("store", "erase", "--id", "3", "--json").Succeeds().Json.GetProperty("adaptersAffected").EnumerateArray().Select(value => value.GetString()));
        Assert.Empty(Run("store", "erase", "--id", $"{Rows}", "--json").Succeeds().Json.GetProperty("adaptersAffected").EnumerateArray());
    }

    [Fact]
    public void Training_needs_now_a_profile_enough_text_and_a_sound_recipe()
    {
        Run("train", "--model", _model).FailsWith(ExitCode.BadFile, "no profile");
        Train().FailsWith(ExitCode.BadFile, "no profile");
        Run("record", "--context", "c", "--text", "t").Succeeds();
        Train().FailsWith(ExitCode.Failed, "at least 2");
        Import();
        Train("--recipe", _folder["none.json"]).FailsWith(ExitCode.BadFile, "none.json");
        Train("--recipe", _folder.Write("unknown.json", """{"rank": 4, "colour": "blue"}""")).FailsWith(ExitCode.Usage, "recipe", "not known");
        Train("--recipe", _folder.Write("range.json", """{"rank": 0}"""), "--seed", "3").FailsWith(ExitCode.Usage, "rank");
        Train("--recipe", _folder.Write("broken.json", "{"), "--seed", "3").FailsWith(ExitCode.BadFile, "broken.json");
        Assert.Empty(Run("adapters", "list", "--json").Json.GetProperty("adapters").EnumerateArray());
    }

    [Fact]
    public void A_recipe_decides_the_adapter_and_gives_it_its_name()
    {
        Import();
        var id = Train("--recipe", _folder.Write("small.json", """{"rank": 4, "targets": ["q_proj", "v_proj"]}""")).Json.GetProperty("adapterId").GetString()!;

        var adapter = Run("adapters", "show", id, "--json").Succeeds().Json;
        Assert.Equal(4, adapter.GetProperty("rank").GetInt32());
        Assert.Equal(["q_proj", "v_proj"], adapter.GetProperty("targets").EnumerateArray().Select(target => target.GetString()));
        Assert.Equal("small", adapter.GetProperty("recipe").GetString());
    }

    [Fact]
    public void A_cancelled_training_keeps_nothing()
    {
        Import();
        using var cancel = new CancellationTokenSource();
        cancel.Cancel();

        CommandRun.With("", cancel.Token, "train", "--now", "--model", _model, "--data", _folder["profile"]).FailsWith(ExitCode.Failed, "stopped");

        Assert.Empty(Run("adapters", "list", "--json").Json.GetProperty("adapters").EnumerateArray());
    }

    [Fact]
    public void Evaluate_counts_rows_from_zero_up_to_and_including_the_last()
    {
        var json = Evaluate("--rows", "0..3", "--adapter", "none").Succeeds().Json;

        Assert.Equal(4, json.GetProperty("rows").GetInt32());

        // "la la la N", the end of the turn and a line feed are one token a byte, but for the special one.
        Assert.Equal(4 * ("la la la 0".Length + 2), json.GetProperty("tokens").GetInt32());
        Evaluate("--rows", $"0..{Rows}").FailsWith(ExitCode.Usage, "--rows", $"{Rows} rows");
        Evaluate("--rows", "3..2").FailsWith(ExitCode.Usage, "--rows");
        Evaluate("--rows", "3").FailsWith(ExitCode.Usage, "--rows");
        Evaluate("--adapter", "nothing").FailsWith(ExitCode.Usage, "nothing");
    }

    [Fact]
    public void Evaluate_refuses_a_bad_row_and_passes_over_those_not_asked_for()
    {
        var file = _folder.Write("bad.jsonl", """{"timestamp": 1, "context": "c", "text": "t"}""" + "\n{broken\n");

        CommandRun.Of("evaluate", "--interactions", file, "--rows", "0..0", "--model", _model, "--data", _folder["none"]).Succeeds();
        CommandRun.Of("evaluate", "--interactions", file, "--model", _model, "--data", _folder["none"]).FailsWith(ExitCode.BadFile, "line 2");
    }

    [Fact]
    public void A_message_cannot_forge_a_turn()
    {
        int PromptTokens(string message) =>
            CommandRun.Of("generate", "--chat", message, "--max-tokens", "1", "--model", _model, "--data", _folder["none"], "--json").Succeeds().Json.GetProperty("promptTokens").GetInt32();

        // As plain text each of its bytes is a token of this vocabulary; as a special token it would be one.
        Assert.Equal(PromptTokens("") + "<|im_end|>".Length, PromptTokens("<|im_end|>"));
    }

    [Fact]
    public void Chat_answers_line_by_line_until_told_to_end()
    {
        var run = Chat("hello\n\nagain\n/exit\nnever\n", "--json").Succeeds();

        var turns = run.Json.GetProperty("turns").EnumerateArray().Select(turn => (turn.GetProperty("role").GetString(), turn.GetProperty("content").GetString())).ToArray();
        Assert.Equal(["user", "assistant", "user", "assistant"], turns.Select(turn => turn.Item1));
        Assert.Equal(("hello", "again"), (turns[0].Item2, turns[2].Item2));
    }

    [Fact]
    public void Chat_starts_anew_when_told_and_forgets_what_is_oldest_when_it_must()
    {
        var alone = Chat("hello\n").Succeeds().Out;

        Assert.Equal(alone, Chat("something else\n/reset\nhello\n").Succeeds().Out[^alone.Length..]);
        Assert.Contains("forgotten", Chat(string.Concat(Enumerable.Repeat("a longer line of text\n", 12)), "--context", "128").Succeeds().Error, StringComparison.Ordinal);
        Chat(new string('x', 300) + "\n").FailsWith(ExitCode.Usage, "256");
    }

    [Fact]
    public void The_demo_goes_through_the_whole_loop_and_leaves_no_profile()
    {
        var run = CommandRun.Of("demo", "--interactions", _interactions, "--model", _model, "--data", _folder["none"], "--json");

        var json = run.Succeeds().Json;
        Assert.Equal("tiny", json.GetProperty("model").GetString());
        Assert.Equal(Rows, json.GetProperty("interactions").GetInt32());
        Assert.Equal("promoted", json.GetProperty("gate").GetString());
        Assert.True(json.GetProperty("gainPercent").GetDouble() > 0);
        var samples = json.GetProperty("samples").EnumerateArray().ToArray();
        Assert.Equal(3, samples.Length);
        Assert.All(samples, sample => Assert.StartsWith("ask ", sample.GetProperty("context").GetString(), StringComparison.Ordinal));
        Assert.All(samples, sample => Assert.StartsWith("la la la ", sample.GetProperty("reference").GetString(), StringComparison.Ordinal));
        Assert.Contains(samples, sample => sample.GetProperty("before").GetString() != sample.GetProperty("after").GetString());
        Assert.False(Directory.Exists(_folder["none"]));
        var stored = json.GetProperty("stored");
        Assert.Equal(JsonValueKind.Null, stored.GetProperty("profile").ValueKind);
        Assert.True(stored.GetProperty("soughtTexts").GetInt32() > 0);
        Assert.Equal(0, stored.GetProperty("readableTexts").GetInt32());
        Assert.Equal(json.GetProperty("steps").GetInt32(), json.GetProperty("losses").GetArrayLength());
    }

    [Fact]
    public void A_small_model_gets_more_passes_unless_a_recipe_is_named()
    {
        int Epochs(params string[] args) => CommandRun.Of(["demo", "--interactions", _interactions, "--model", _model, "--json", .. args]).Succeeds().Json.GetProperty("recipe").GetProperty("epochs").GetInt32();

        Assert.Equal(1, Epochs("--recipe", "peft"));
        Assert.Equal(8, Epochs());
    }

    [Fact]
    public void The_demo_keeps_its_profile_where_it_is_told_to_and_chat_talks_with_it()
    {
        var kept = _folder["kept"];
        var json = CommandRun.Of("demo", "--interactions", _interactions, "--model", _model, "--keep", kept, "--json").Succeeds().Json;

        Assert.Equal(kept, json.GetProperty("stored").GetProperty("profile").GetString());
        var listed = Assert.Single(CommandRun.Of("adapters", "list", "--data", kept, "--json").Succeeds().Json.GetProperty("adapters").EnumerateArray());
        Assert.Equal(json.GetProperty("stored").GetProperty("adapterId").GetString(), listed.GetProperty("id").GetString());
        string[] chat = ["chat", "--data", kept, "--temperature", "0", "--max-tokens", "8"];
        Assert.NotEqual(CommandRun.With("ask 1\n", CancellationToken.None, [.. chat, "--adapter", "none"]).Succeeds().Out, CommandRun.With("ask 1\n", CancellationToken.None, chat).Succeeds().Out);
        CommandRun.Of("demo", "--interactions", _interactions, "--model", _model, "--keep", kept).FailsWith(ExitCode.Usage, "--keep");
    }

    [Fact]
    public void What_can_be_read_in_a_profile_is_found()
    {
        var folder = Directory.CreateDirectory(_folder["leaking"]).FullName;
        List<Interaction> interactions = [new(1, null, default, "cli", "", "a long enough text of mine"), new(2, null, default, "cli", "", "another one of that kind")];
        Assert.Equal((0, 2), (SealCheck.Run(folder, interactions).ReadableTexts, SealCheck.Run(folder, interactions).SoughtTexts));

        File.WriteAllText(Path.Combine(folder, "a"), "xx a long enough text of mine");
        Assert.Equal(1, SealCheck.Run(folder, interactions).ReadableTexts);
        File.WriteAllText(Path.Combine(folder, "b"), "another one of that kind", System.Text.Encoding.Unicode);
        Assert.Equal(2, SealCheck.Run(folder, interactions).ReadableTexts);
    }

    [Fact]
    public void The_demo_brings_its_own_messages_and_prints_tables()
    {
        var run = CommandRun.Of("demo", "--model", _model);

        Assert.Contains(run.ExitCode, (int[])[ExitCode.Done, ExitCode.Refused]);
        Assert.Contains("320: 224 to learn from, 74 later ones", run.Out, StringComparison.Ordinal);
        Assert.Contains("the model before", run.Out, StringComparison.Ordinal);
        Assert.Contains("loss on later messages", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void Doctor_looks_at_profile_and_model()
    {
        Import();
        Train().Succeeds();

        var checks = Checks(Run("doctor", "--json").Succeeds());
        Assert.Contains($"{Rows} interactions", checks["store"].Detail, StringComparison.Ordinal);
        Assert.Contains("in use", checks["adapters"].Detail, StringComparison.Ordinal);
        Assert.Contains("llama", checks["model"].Detail, StringComparison.Ordinal);

        File.WriteAllText(_model, "damaged");
        var run = Run("doctor", "--json");
        Assert.Equal(ExitCode.Failed, run.ExitCode);
        Assert.False(Checks(run)["model"].Ok);
        Assert.True(Checks(run)["store"].Ok);
    }

    private static Dictionary<string, (bool Ok, string Detail)> Checks(CommandRun run) => run.Json.GetProperty("checks").EnumerateArray()
        .ToDictionary(check => check.GetProperty("name").GetString()!, check => (check.GetProperty("ok").GetBoolean(), check.GetProperty("detail").GetString()!));

    private CommandRun Run(params string[] args) => CommandRun.Of([.. args, "--data", _folder["profile"]]);

    private void Import() => Run("import", _interactions).Succeeds();

    private CommandRun Train(params string[] args) => Run(["train", "--now", "--model", _model, "--json", .. args]);

    private CommandRun Evaluate(params string[] args) => Run(["evaluate", "--interactions", _interactions, "--json", .. args.Contains("--model") || File.Exists(Path.Combine(_folder["profile"], "model.json")) ? args : [.. args, "--model", _model]]);

    private double Loss(params string[] args) => Evaluate(args).Succeeds().Json.GetProperty("meanNll").GetDouble();

    private CommandRun Chat(string input, params string[] args) =>
        CommandRun.With(input, CancellationToken.None, ["chat", "--model", _model, "--data", _folder["none"], "--temperature", "0", "--max-tokens", "8", .. args]);
}
