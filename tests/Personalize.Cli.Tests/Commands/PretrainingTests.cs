using System.Text.Json;
using Personalize.Cli.Models;

namespace Personalize.Cli.Tests.Commands;

/// <summary><c>models pretrain</c>, <c>score</c> and <c>quantize</c>, and where a model is found.</summary>
public sealed class PretrainingTests : IDisposable
{
    /// <summary>An untrained model spells each token of 300 by chance, and few bytes a token.</summary>
    private const double MostBits = 10;

    private readonly TemporaryFolder _folder = new();

    public PretrainingTests()
    {
        static string Talk(int i) => $"U: Is there a table for {i % 7} at {i % 5} o'clock?\nA: There is a table for {i % 7}, and it {(i % 4 == 0 ? "may rain" : "is free")}.\n";
        _folder.Write("talks.txt", string.Join('\n', Enumerable.Range(0, 24).Select(Talk)));
        _folder.Write("recipe.json", Recipe);
    }

    private static string Recipe => """
        {
          "name": "tiny", "description": "for a test",
          "corpus": { "source": "made for this test", "address": "https://example.org", "licence": "CC0-1.0", "train": ["talks.txt"], "dev": ["talks.txt"], "leaveOut": ["rain"] },
          "tokenizer": { "vocabularySize": 290 },
          "shape": { "layers": 2, "hidden": 32, "intermediate": 64, "heads": 2, "keyValueHeads": 1, "headDimension": 16, "contextLength": 512 },
          "training": { "optimizer": "muon", "learningRate": 0.02, "warmupSteps": 2, "examplesPerStep": 4, "epochs": 4 },
          "measure": { "interval": 5, "dialogues": 6 },
          "store": { "matrices": "F32", "embedding": "F32" }
        }
        """;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Trains_a_model_that_the_other_commands_read()
    {
        var model = _folder["out.gguf"];
        var json = CommandRun.Of("models", "pretrain", _folder["recipe.json"], model, "--json").Succeeds().Json;
        Assert.Equal(18, json.GetProperty("dialogues").GetInt32());
        Assert.Equal(6, json.GetProperty("leftOut").GetInt32());
        Assert.Equal(20, json.GetProperty("steps").GetInt32());
        Assert.Equal(new FileInfo(model).Length, json.GetProperty("fileBytes").GetInt64());
        var points = File.ReadLines(model + ".curve.jsonl").Select(line => JsonDocument.Parse(line).RootElement.Clone()).ToList();
        Assert.Equal([5, 10, 15, 20], points.Select(point => point.GetProperty("step").GetInt32()));
        Assert.True(points[^1].GetProperty("devLoss").GetDouble() < points[0].GetProperty("devLoss").GetDouble());

        var inspected = CommandRun.Of("models", "inspect", model, "--json").Succeeds().Json;
        Assert.Equal("tiny", inspected.GetProperty("name").GetString());
        Assert.Equal(json.GetProperty("parameters").GetInt64(), inspected.GetProperty("parameters").GetInt64());
        CommandRun.Of("generate", "--model", model, "--data", _folder["profile"], "--chat", "Is there a table?", "--max-tokens", "4", "--json").Succeeds();

        // The state is kept: the same again has nothing to do and gives the same file.
        var first = File.ReadAllBytes(model);
        File.Delete(model);
        CommandRun.Of("models", "pretrain", _folder["recipe.json"], model, "--json").Succeeds();
        Assert.Equal(first, File.ReadAllBytes(model));
        CommandRun.Of("models", "pretrain", _folder["recipe.json"], _folder["snapshot.gguf"], "--checkpoints", model + ".checkpoints", "--snapshot", "--json").Succeeds();
        Assert.Equal(first, File.ReadAllBytes(_folder["snapshot.gguf"]));

        var score = CommandRun.Of("models", "score", _folder["recipe.json"], _folder["talks.txt"], "--model", model, "--dialogues", "4", "--json").Succeeds().Json;
        Assert.Equal(4, score.GetProperty("seen").GetProperty("dialogues").GetInt32());
        Assert.Equal(4, score.GetProperty("leftOut").GetProperty("dialogues").GetInt32());
        Assert.InRange(score.GetProperty("seen").GetProperty("bitsPerByte").GetDouble(), 0.01, MostBits);
    }

    [Fact]
    public void Scores_the_same_bytes_whatever_the_template()
    {
        CommandRun.Of("models", "pretrain", _folder["recipe.json"], _folder["out.gguf"], "--json").Succeeds();
        var scores = new[] { _folder["out.gguf"], TinyModel.Write(_folder) }
            .Select(model => CommandRun.Of("models", "score", _folder["recipe.json"], _folder["talks.txt"], "--model", model, "--dialogues", "3", "--json").Succeeds().Json.GetProperty("seen"))
            .ToList();
        Assert.Equal(scores[0].GetProperty("bytes").GetInt64(), scores[1].GetProperty("bytes").GetInt64());

        // A vocabulary of bytes has a token a byte, and its random weights tell little of 258.
        Assert.Equal(scores[1].GetProperty("bytes").GetInt64(), scores[1].GetProperty("tokens").GetInt64());
        Assert.InRange(scores[1].GetProperty("bitsPerByte").GetDouble(), 6, MostBits);
    }

    [Fact]
    public void Bad_input_is_told_from_bad_usage()
    {
        CommandRun.Of("models", "pretrain", _folder["none.json"], _folder["out.gguf"]).FailsWith(Cli.Hosting.ExitCode.BadFile, "none.json");
        CommandRun.Of("models", "pretrain", _folder.Write("bad.json", Recipe.Replace("\"name\"", "\"nam\"", StringComparison.Ordinal)), _folder["out.gguf"]).FailsWith(Cli.Hosting.ExitCode.Usage, "name");
        CommandRun.Of("models", "pretrain", _folder.Write("lost.json", Recipe.Replace("talks.txt", "lost.txt", StringComparison.Ordinal)), _folder["out.gguf"]).FailsWith(Cli.Hosting.ExitCode.BadFile, "lost.txt");
        _folder.Write("notes.txt", "no turns here\n");
        CommandRun.Of("models", "pretrain", _folder.Write("notes.json", Recipe.Replace("talks.txt", "notes.txt", StringComparison.Ordinal)), _folder["out.gguf"]).FailsWith(Cli.Hosting.ExitCode.BadFile, "notes.txt", "line 1");
        Assert.False(File.Exists(_folder["out.gguf"]));
    }

    [Theory]
    [InlineData("Q8_0")]
    [InlineData("Q4_1")]
    [InlineData("f16")]
    public void Quantizes_to_another_type_and_keeps_the_rest(string type)
    {
        var (source, target) = (TinyModel.Write(_folder), _folder["q.gguf"]);
        var json = CommandRun.Of("models", "quantize", source, target, "--type", type, "--json").Succeeds().Json;
        Assert.Equal(14, json.GetProperty("tensors").GetInt32());
        var tensors = CommandRun.Of("models", "inspect", target, "--json").Succeeds().Json.GetProperty("tensors").EnumerateArray().ToDictionary(tensor => tensor.GetProperty("name").GetString()!, tensor => tensor.GetProperty("type").GetString()!);
        Assert.Equal(type.ToUpperInvariant(), tensors["blk.1.ffn_down.weight"]);
        Assert.Equal("F32", tensors["token_embd.weight"]);
        Assert.Equal("F32", tensors["blk.0.attn_norm.weight"]);
        Assert.Equal(15, CommandRun.Of("models", "quantize", source, target, "--type", type, "--embedding", "Q8_0", "--json").Succeeds().Json.GetProperty("tensors").GetInt32());
        CommandRun.Of("models", "quantize", source, source, "--type", type).FailsWith(Cli.Hosting.ExitCode.Usage, "same file");
    }

    [Fact]
    public void The_bundled_model_answers_by_its_name()
    {
        Assert.True(BundledModel.IsBundled(BundledModel.Path ?? "absent"));
        var json = CommandRun.Of("generate", "--model", BundledModel.Name, "--data", _folder["profile"], "--chat", "I am looking for a restaurant.", "--max-tokens", "60", "--temperature", "0", "--json").Succeeds().Json;
        Assert.Equal("stopToken", json.GetProperty("stopReason").GetString());
        Assert.NotEmpty(json.GetProperty("text").GetString()!);
        var inspected = CommandRun.Of("models", "inspect", BundledModel.Path!, "--json").Succeeds().Json;
        Assert.InRange(inspected.GetProperty("fileBytes").GetInt64(), 1, 6_000_000);
        Assert.InRange(inspected.GetProperty("parameters").GetInt64(), 1, 8_000_000);
    }

    [Fact]
    public void The_largest_model_beside_a_checkout_is_found()
    {
        var command = Directory.CreateDirectory(_folder["checkout/src/command/bin"]).FullName;
        Assert.Null(SharedModel.Find(command));
        _folder.Write("checkout/Personalize.sln", "");
        Assert.Null(SharedModel.Find(command));
        Directory.CreateDirectory(_folder["shared/models"]);
        Assert.Null(SharedModel.Find(command));
        _folder.Write("shared/models/small.gguf", "1");
        _folder.Write("shared/models/large.gguf", "12");
        _folder.Write("shared/models/notes.txt", "123");
        Assert.Equal("large.gguf", Path.GetFileName(SharedModel.Find(command)));
    }
}
