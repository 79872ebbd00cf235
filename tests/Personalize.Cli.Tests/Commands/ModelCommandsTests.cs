using Personalize.Cli.Hosting;

namespace Personalize.Cli.Tests.Commands;

/// <summary>The commands that read a model and no profile.</summary>
public sealed class ModelCommandsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _model;

    public ModelCommandsTests() => _model = TinyModel.Write(_folder);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Inspect_lists_what_the_file_holds()
    {
        var json = CommandRun.Of("models", "inspect", _model, "--json").Succeeds().Json;

        Assert.Equal("llama", json.GetProperty("architecture").GetString());
        Assert.Equal(new FileInfo(_model).Length, json.GetProperty("fileBytes").GetInt64());
        Assert.Equal(64, json.GetProperty("fingerprint").GetString()!.Length);
        Assert.Equal(TinyModel.TensorCount, json.GetProperty("tensors").GetArrayLength());
        var first = json.GetProperty("tensors")[0];
        Assert.Equal("token_embd.weight", first.GetProperty("name").GetString());
        Assert.Equal([32, TinyModel.VocabularySize], first.GetProperty("shape").EnumerateArray().Select(value => value.GetInt32()));
        Assert.Equal("F32", first.GetProperty("type").GetString());
        Assert.Equal(TinyModel.VocabularySize, json.GetProperty("tokenizer").GetProperty("tokens").GetInt32());
        Assert.Contains("<|im_start|>", json.GetProperty("chatTemplate").GetString(), StringComparison.Ordinal);
        Assert.True(json.GetProperty("parameters").GetInt64() > 8000);
    }

    [Fact]
    public void Inspect_prints_a_table_for_people() =>
        Assert.Contains("token_embd.weight", CommandRun.Of("models", "inspect", _model).Succeeds().Out, StringComparison.Ordinal);

    [Theory]
    [InlineData("Hi", new[] { 72, 105 })]
    [InlineData("", new int[0])]
    [InlineData("é", new[] { 0xC3, 0xA9 })]
    [InlineData("a<|im_end|>", new[] { 97, TinyModel.TurnEnd })]
    [InlineData("@a", new[] { 64, 97 })]
    [InlineData("-x", new[] { 45, 120 })]
    public void Tokenize_gives_ids(string text, int[] ids) => Assert.Equal(ids, Ids(CommandRun.Of("tokenize", "--model", _model, "--json", "--text", text)));

    [Fact]
    public void Tokenize_plain_takes_special_tokens_for_text() =>
        Assert.DoesNotContain(TinyModel.TurnEnd, Ids(CommandRun.Of("tokenize", "--model", _model, "--json", "--plain", "--text", "<|im_end|>")));

    [Fact]
    public void Tokenize_reads_files_and_turns_ids_back()
    {
        var ids = Ids(CommandRun.Of("tokenize", "--model", _model, "--json", "--file", _folder.Write("t.txt", "añ\n")));

        Assert.Equal("añ\n", CommandRun.Of("tokenize", "--model", _model, "--json", "--ids", string.Join(',', ids)).Succeeds().Json.GetProperty("text").GetString());
    }

    [Fact]
    public void Ids_past_the_vocabulary_are_wrong_usage()
    {
        CommandRun.Of("tokenize", "--model", _model, "--ids", "258").FailsWith(ExitCode.Usage, "258", "--ids");
        CommandRun.Of("generate", "--model", _model, "--ids", "3,258").FailsWith(ExitCode.Usage, "258", "--ids");
        CommandRun.Of("logits", "--model", _model, "--ids", "3,258", "--out", _folder["l"]).FailsWith(ExitCode.Usage, "258", "--ids");
    }

    [Fact]
    public void A_text_that_is_not_utf_8_is_named_with_its_offset()
    {
        File.WriteAllBytes(_folder["bad.txt"], [65, 66, 0xFF, 67]);

        CommandRun.Of("tokenize", "--model", _model, "--file", _folder["bad.txt"]).FailsWith(ExitCode.BadFile, "bad.txt", "byte 2");
    }

    [Theory]
    [InlineData("tokenize --text x")]
    [InlineData("generate --ids 5,6 --max-tokens 2")]
    public void Without_a_model_named_one_that_is_there_answers(string line) =>
        CommandRun.Of([.. line.Split(' '), "--data", _folder["none"], "--json"]).Succeeds();

    [Theory]
    [InlineData("missing.gguf")]
    [InlineData("empty.gguf")]
    [InlineData("cut.gguf")]
    [InlineData("text.gguf")]
    [InlineData("folder.gguf")]
    public void A_bad_model_file_is_one_line_and_code_4(string name)
    {
        File.WriteAllBytes(_folder["empty.gguf"], []);
        File.WriteAllBytes(_folder["cut.gguf"], File.ReadAllBytes(_model)[..5000]);
        File.WriteAllText(_folder["text.gguf"], "this is no model at all, just some text");
        Directory.CreateDirectory(_folder["folder.gguf"]);

        CommandRun.Of("models", "inspect", _folder[name]).FailsWith(ExitCode.BadFile, name);
        CommandRun.Of("generate", "--prompt", "x", "--model", _folder[name], "--json").FailsWith(ExitCode.BadFile, name);
    }

    [Fact]
    public void Generate_reports_all_figures()
    {
        var run = CommandRun.Of("generate", "--model", _model, "--prompt", "Hello", "--max-tokens", "12", "--json");
        var json = run.Succeeds().Json;

        Assert.InRange(json.GetProperty("tokens").GetInt32(), 1, 12);
        Assert.Equal(json.GetProperty("tokens").GetInt32(), json.GetProperty("ids").GetArrayLength());
        Assert.Equal(5, json.GetProperty("promptTokens").GetInt32());
        Assert.True(json.GetProperty("prefillTokensPerSecond").GetDouble() > 0);
        Assert.Equal(0, json.GetProperty("draftedTokens").GetInt32());
        Assert.Equal(0, json.GetProperty("acceptedTokens").GetInt32());
        Assert.Contains(json.GetProperty("stopReason").GetString(), (string[])["maxTokens", "stopToken"]);
        Assert.Equal(System.Text.Json.JsonValueKind.String, json.GetProperty("text").ValueKind);
    }

    [Fact]
    public void Greedy_text_is_the_same_each_time_from_text_and_from_ids()
    {
        var fromText = Ids(CommandRun.Of("generate", "--model", _model, "--prompt", "Hello", "--max-tokens", "12", "--json"));

        Assert.Equal(fromText, Ids(CommandRun.Of("generate", "--model", _model, "--ids", "72,101,108,108,111", "--max-tokens", "12", "--json", "--threads", "1")));
    }

    [Fact]
    public void Greedy_text_follows_the_logits()
    {
        var first = Ids(CommandRun.Of("generate", "--model", _model, "--ids", "72,101", "--max-tokens", "1", "--json", "--precision", "f32"))[0];
        CommandRun.Of("logits", "--model", _model, "--ids", "72,101", "--out", _folder["l"]).Succeeds();
        var row = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(_folder["l"]))[TinyModel.VocabularySize..].ToArray();

        Assert.Equal(Array.IndexOf(row, row.Max()), first);
    }

    [Fact]
    public void A_seed_repeats_a_sampled_text()
    {
        int[] Run(string seed) => Ids(CommandRun.Of("generate", "--model", _model, "--prompt", "Hello", "--max-tokens", "30", "--temperature", "2", "--seed", seed, "--json"));

        Assert.Equal(Run("7"), Run("7"));
        Assert.NotEqual(Run("7"), Run("8"));
    }

    [Fact]
    public void For_people_the_text_alone_stands_on_standard_output()
    {
        var json = CommandRun.Of("generate", "--model", _model, "--prompt", "Hello", "--max-tokens", "12", "--json").Json;
        var run = CommandRun.Of("generate", "--model", _model, "--prompt", "Hello", "--max-tokens", "12").Succeeds();

        Assert.Equal(json.GetProperty("text").GetString() + "\n", run.Out);
        Assert.Empty(CommandRun.Of("generate", "--model", _model, "--prompt", "Hello", "--max-tokens", "12", "--quiet").Error);
    }

    [Fact]
    public void A_prompt_longer_than_the_context_is_wrong_usage() =>
        CommandRun.Of("generate", "--model", _model, "--prompt", new string('x', TinyModel.ContextLength + 1)).FailsWith(ExitCode.Usage, "257", "256");

    [Fact]
    public void An_empty_prompt_is_wrong_usage() => CommandRun.Of("generate", "--model", _model, "--prompt", "").FailsWith(ExitCode.Usage, "--prompt");

    [Fact]
    public void A_cancelled_command_fails_with_one_line()
    {
        using var cancel = new CancellationTokenSource();
        cancel.Cancel();

        CommandRun.With("", cancel.Token, "generate", "--model", _model, "--prompt", "Hello").FailsWith(ExitCode.Failed, "stopped");
    }

    [Theory]
    [InlineData("f32")]
    [InlineData("served")]
    public void Logits_are_one_row_a_token(string precision)
    {
        var json = CommandRun.Of("logits", "--model", _model, "--ids", "1,2,3", "--out", _folder["l"], "--precision", precision, "--json").Succeeds().Json;

        Assert.Equal((3, TinyModel.VocabularySize), (json.GetProperty("rows").GetInt32(), json.GetProperty("columns").GetInt32()));
        Assert.Equal(3 * TinyModel.VocabularySize * sizeof(float), new FileInfo(_folder["l"]).Length);
    }

    [Fact]
    public void A_file_that_cannot_be_written_leaves_nothing_behind()
    {
        CommandRun.Of("logits", "--model", _model, "--ids", "1", "--out", _folder["no/such/folder"]).FailsWith(ExitCode.Failed, "no/such/folder");
        using var cancel = new CancellationTokenSource();
        cancel.Cancel();
        CommandRun.With("", cancel.Token, "logits", "--model", _model, "--ids", "1", "--out", _folder["cut"]).FailsWith(ExitCode.Failed);

        Assert.Equal([_model], Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void Perplexity_scores_each_window_alone()
    {
        var text = _folder.Write("t.txt", Letters(40));
        var json = CommandRun.Of("perplexity", "--model", _model, "--file", text, "--window", "16", "--windows", "2", "--json").Succeeds().Json;

        Assert.Equal(30, json.GetProperty("tokens").GetInt32());
        Assert.Equal(Math.Exp(json.GetProperty("meanNll").GetDouble()), json.GetProperty("perplexity").GetDouble(), 9);
        Assert.True(json.GetProperty("peakResidentBytes").GetInt64() > 0);

        // The same from the logits of both windows.
        double total = 0;
        var bytes = File.ReadAllBytes(text);
        for (var window = 0; window < 2; window++)
        {
            var ids = bytes.Skip(window * 16).Take(16).Select(value => (int)value).ToArray();
            CommandRun.Of("logits", "--model", _model, "--ids", string.Join(',', ids), "--out", _folder["l"]).Succeeds();
            var logits = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(_folder["l"]));
            for (var i = 0; i < 15; i++)
            {
                var row = logits.Slice(i * TinyModel.VocabularySize, TinyModel.VocabularySize).ToArray();
                total += Math.Log(row.Sum(logit => Math.Exp(logit))) - row[ids[i + 1]];
            }
        }

        Assert.Equal(total / 30, json.GetProperty("meanNll").GetDouble(), 4);
    }

    [Fact]
    public void Perplexity_reads_the_texts_of_interactions()
    {
        var lines = _folder.Write("t.jsonl", "{\"text\": \"abcdef\"}\n\n{\"text\": \"ghijkl\"}\n");
        var plain = _folder.Write("t.txt", "abcdef\n\nghijkl");

        Assert.Equal(
            CommandRun.Of("perplexity", "--model", _model, "--file", plain, "--window", "14", "--json").Json.GetProperty("meanNll").GetDouble(),
            CommandRun.Of("perplexity", "--model", _model, "--file", lines, "--window", "14", "--json").Json.GetProperty("meanNll").GetDouble());
    }

    [Fact]
    public void Perplexity_refuses_what_it_cannot_score()
    {
        CommandRun.Of("perplexity", "--model", _model, "--file", _folder.Write("short.txt", "abc"), "--window", "16").FailsWith(ExitCode.BadFile, "short.txt", "3 tokens");
        CommandRun.Of("perplexity", "--model", _model, "--file", _folder.Write("t.txt", "abc"), "--window", "512").FailsWith(ExitCode.Usage, "--window");
        CommandRun.Of("perplexity", "--model", _model, "--file", _folder["none.txt"]).FailsWith(ExitCode.BadFile, "none.txt");
        CommandRun.Of("perplexity", "--model", _model, "--file", _folder.Write("bad.jsonl", "{\"text\": \"a\"}\n{")).FailsWith(ExitCode.BadFile, "bad.jsonl", "line 2");
    }

    [Fact]
    public void A_stream_through_a_cache_that_holds_it_has_the_loss_of_one_window()
    {
        var text = _folder.Write("t.txt", Letters(100));
        double Loss(params string[] args) => CommandRun.Of(["perplexity", "--model", _model, "--file", text, "--json", .. args]).Succeeds().Json.GetProperty("meanNll").GetDouble();

        Assert.Equal(Loss("--window", "100"), Loss("--sinks", "4", "--cache", "96"), 12);
        Assert.NotEqual(Loss("--window", "100"), Loss("--sinks", "4", "--cache", "12"), 6);
        Assert.NotEqual(Loss("--sinks", "0", "--cache", "12"), Loss("--sinks", "4", "--cache", "12"), 6);
        Assert.Equal(Loss("--cache", "12"), Loss("--sinks", "4", "--cache", "12"));
    }

    [Fact]
    public void A_stream_is_scored_once_to_its_end_or_to_the_windows_asked_for()
    {
        var text = _folder.Write("t.txt", Letters(1200));
        System.Text.Json.JsonElement Run(params string[] args) => CommandRun.Of(["perplexity", "--model", _model, "--file", text, "--json", "--cache", "28", .. args]).Succeeds().Json;

        var whole = Run();
        Assert.Equal((1199, 1), (whole.GetProperty("tokens").GetInt32(), whole.GetProperty("windows").GetInt32()));
        Assert.Equal(Math.Exp(whole.GetProperty("meanNll").GetDouble()), whole.GetProperty("perplexity").GetDouble(), 9);
        Assert.True(whole.GetProperty("peakResidentBytes").GetInt64() > 0);
        Assert.Equal(799, Run("--window", "400", "--windows", "2").GetProperty("tokens").GetInt32());
    }

    [Fact]
    public void With_a_window_prompt_and_text_may_pass_the_models_context()
    {
        string[] line = ["generate", "--model", _model, "--prompt", Letters(TinyModel.ContextLength + 40), "--max-tokens", "300", "--json"];
        CommandRun.Of(line).FailsWith(ExitCode.Usage, "296", "256");
        var json = CommandRun.Of([.. line, "--sinks", "4", "--window", "60"]).Succeeds().Json;

        Assert.Equal(TinyModel.ContextLength + 40, json.GetProperty("promptTokens").GetInt32());
        Assert.Contains(json.GetProperty("stopReason").GetString(), (string[])["maxTokens", "stopToken"]);
    }

    [Theory]
    [InlineData("generate --prompt x --sinks 4", "--window")]
    [InlineData("generate --prompt x --sinks 4 --window 0", "--window 0")]
    [InlineData("generate --prompt x --sinks -1 --window 10", "--sinks -1")]
    [InlineData("generate --prompt x --sinks 11 --window 10", "--window 10")]
    [InlineData("generate --prompt x --sinks 4 --window 253", "256")]
    [InlineData("generate --prompt x --sinks 2147483647 --window 2147483647", "256")]
    [InlineData("perplexity --file T --sinks 4", "--cache")]
    [InlineData("perplexity --file T --cache -3", "--cache -3")]
    [InlineData("perplexity --file T --cache 3", "--sinks 4")]
    [InlineData("perplexity --file T --cache 300", "256")]
    public void Sizes_of_a_bounded_cache_that_cannot_be_are_wrong_usage(string line, string word)
    {
        var text = _folder.Write("t.txt", Letters(50));

        CommandRun.Of([.. line.Split(' ').Select(part => part == "T" ? text : part), "--model", _model]).FailsWith(ExitCode.Usage, word);
    }

    [Fact]
    public void Doctor_lists_its_checks()
    {
        var json = CommandRun.Of("doctor", "--json", "--data", _folder["none"]).Succeeds().Json;

        var names = json.GetProperty("checks").EnumerateArray().Select(check => check.GetProperty("name").GetString()).ToArray();
        Assert.Contains("instruction sets", names);
        Assert.Contains("memory bandwidth", names);
        Assert.Contains("power", names);
        Assert.All(json.GetProperty("checks").EnumerateArray(), check => Assert.True(check.GetProperty("ok").GetBoolean() && check.GetProperty("detail").GetString()!.Length > 0));
        Assert.False(Directory.Exists(_folder["none"]));
    }

    private static string Letters(int count) => string.Concat(Enumerable.Range(0, count).Select(i => (char)('a' + (i * 7 % 26))));

    private static int[] Ids(CommandRun run) => [.. run.Succeeds().Json.GetProperty("ids").EnumerateArray().Select(value => value.GetInt32())];
}
