using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Personalize.Core.Profiles;

namespace Personalize.Cli.Tests.Commands;

/// <summary>A model, interactions and profiles for tests that interrupt training.</summary>
internal sealed class TrainingProfile : IDisposable
{
    public const int Rows = 40;
    public const int TrainedRows = 28;

    private readonly TemporaryFolder _folder = new();
    private readonly string _interactions;

    public TrainingProfile(int epochs = 1)
    {
        Model = TinyModel.Write(_folder);
        _interactions = _folder.Write(
            "interactions.jsonl",
            string.Concat(Enumerable.Range(0, Rows).Select(i => $$"""{"id": {{i}}, "timestamp": {{1741345891 + (i * 60)}}, "context": "ask {{i % 7}}", "text": "la la {{i * i}} la {{i % 3}}"}""" + "\n")));
        Recipe = _folder.Write("recipe.json", $$"""{"rank": 4, "epochs": {{epochs}}, "examplesPerStep": 2}""");
    }

    public string Model { get; }

    public string Recipe { get; }

    public TemporaryFolder Folder => _folder;

    public void Dispose() => _folder.Dispose();

    /// <summary>A profile with all rows imported.</summary>
    public string Import(string name)
    {
        CommandRun.Of("import", _interactions, "--data", _folder[name]).Succeeds();
        return _folder[name];
    }

    public string[] TrainArguments(string profile, params string[] more) => ["train", "--model", Model, "--recipe", Recipe, "--data", profile, "--json", .. more];

    public CommandRun Train(string profile, params string[] more) => CommandRun.Of(TrainArguments(profile, more));

    /// <summary>A job that was planned and stopped before its first step.</summary>
    public void Plan(string profile)
    {
        using var cancel = new CancellationTokenSource();
        cancel.Cancel();
        CommandRun.With("", cancel.Token, TrainArguments(profile, "--now")).FailsWith(Cli.Hosting.ExitCode.Failed, "stopped");
    }

    /// <summary>All weights of the adapter that a training run reported, bit by bit.</summary>
    public static int[] Weights(string profile, JsonElement trained)
    {
        using var opened = Profile.Open(profile, new ProfileOptions { OpenForReading = true });
        return [.. opened.Adapters.Load(trained.GetProperty("adapterId").GetString()!).Pairs.SelectMany(pair => pair.A.Concat(pair.B)).Select(BitConverter.SingleToInt32Bits)];
    }

    /// <summary>Starts the command as a process of its own; <paramref name="fileBlocks"/> limits the size of what it writes, in kilobytes.</summary>
    public Process Start(string profile, int? fileBlocks, params string[] more)
    {
        var dotnet = Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet";
        string[] line = [dotnet, Path.Combine(AppContext.BaseDirectory, "personalize.dll"), .. TrainArguments(profile, more)];

        // SIGXFSZ ignored, a write past the limit fails as one on a full disk does.
        var info = fileBlocks is { } blocks
            ? new ProcessStartInfo("/bin/bash", ["-c", string.Create(CultureInfo.InvariantCulture, $"trap '' XFSZ; ulimit -f {blocks}; exec \"$@\""), "bash", .. line])
            : new ProcessStartInfo(line[0], line[1..]);

        // The runtime keeps code in a file of its own, which the limit would hit too.
        info.Environment["DOTNET_EnableWriteXorExecute"] = "0";
        info.RedirectStandardOutput = true;
        info.RedirectStandardError = true;
        return Process.Start(info)!;
    }
}
