using Personalize.Cli.Hosting;

namespace Personalize.Cli.Tests.Commands;

/// <summary>Training that is stopped, killed, resumed, and made to forget.</summary>
public sealed class ResumeTests : IDisposable
{
    private readonly TrainingProfile _training = new();

    public void Dispose() => _training.Dispose();

    [Fact]
    public void A_job_that_was_stopped_goes_on_to_the_adapter_it_would_have_made()
    {
        var expected = TrainingProfile.Weights(_training.Import("whole"), _training.Train(_training.Folder["whole"], "--now").Json);

        var profile = _training.Import("stopped");
        _training.Plan(profile);
        Assert.Single(Files(profile, "*.job"));
        var resumed = _training.Train(profile, "--resume", "--threads", "1").Json;
        Assert.Equal(expected, TrainingProfile.Weights(profile, resumed));
        Assert.Equal(14, resumed.GetProperty("losses").GetArrayLength());
        Assert.True(resumed.GetProperty("checkpoints").GetInt32() >= 4);
        Assert.Single(CommandRun.Of("adapters", "list", "--json", "--data", profile).Json.GetProperty("adapters").EnumerateArray());
    }

    [Fact]
    public void Resuming_without_an_interrupted_job_starts_one_and_a_finished_one_is_shown_again_until_something_is_recorded()
    {
        var profile = _training.Import("profile");
        var first = _training.Train(profile, "--now", "--resume").Json;
        var again = _training.Train(profile, "--now", "--resume").Json;
        foreach (var name in new[] { "adapterId", "steps", "trainTokens", "trainSeconds", "trainTokensPerSecond", "gate", "testNllBase", "testNllAdapter", "losses" })
        {
            Assert.Equal(first.GetProperty(name).GetRawText(), again.GetProperty(name).GetRawText());
        }

        CommandRun.Of("record", "--context", "c", "--text", "something new", "--data", profile).Succeeds();
        Assert.NotEqual(first.GetProperty("adapterId").GetString(), _training.Train(profile, "--resume").Json.GetProperty("adapterId").GetString());
        Assert.NotEqual(_training.Train(profile, "--resume").Json.GetProperty("adapterId").GetString(), _training.Train(profile, "--now").Json.GetProperty("adapterId").GetString());
    }

    [Fact]
    public void An_interrupted_job_is_not_continued_by_another_recipe_or_on_another_base()
    {
        var profile = _training.Import("profile");
        _training.Plan(profile);
        CommandRun.Of("train", "--resume", "--recipe", "peft", "--model", _training.Model, "--data", profile).FailsWith(ExitCode.BadFile, "recipe");
        CommandRun.Of("train", "--resume", "--model", TinyModel.Write(_training.Folder, seed: 2), "--data", profile).FailsWith(ExitCode.BadFile, "base");

        // Without a recipe the interrupted job's own is meant.
        Assert.Equal(14, CommandRun.Of("train", "--resume", "--model", _training.Model, "--data", profile, "--json").Json.GetProperty("steps").GetInt32());
    }

    [Fact]
    public void A_checkpoint_that_was_changed_or_cut_is_refused_and_a_new_job_helps()
    {
        var profile = _training.Import("profile");
        _training.Train(profile, "--now");
        CommandRun.Of("store", "erase", "--id", $"{TrainingProfile.TrainedRows}", "--data", profile).Succeeds();
        var latest = Files(profile, "*.checkpoint")[^1];
        var whole = File.ReadAllBytes(latest);
        var random = new Random(5);
        for (var i = 0; i < 12; i++)
        {
            var changed = (byte[])whole.Clone();
            changed[i == 0 ? 8 : random.Next(changed.Length)] ^= (byte)(1 << random.Next(8));
            File.WriteAllBytes(latest, i % 3 == 2 ? whole[..random.Next(whole.Length)] : changed);
            var run = _training.Train(profile, "--resume");
            Assert.Contains(run.ExitCode, (int[])[ExitCode.KeyOrStore, ExitCode.BadFile]);
            Assert.Contains(Path.GetFileName(latest), run.ErrorLine, StringComparison.Ordinal);
        }

        Assert.True(_training.Train(profile, "--now").Json.GetProperty("steps").GetInt32() > 0);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(9)]
    [InlineData(20, 12, 27)]
    public void What_was_erased_is_forgotten_and_the_replay_is_the_run_that_never_saw_it(params int[] ids)
    {
        var never = _training.Import("never");
        _training.Plan(never);
        Erase(never, ids);
        var expected = TrainingProfile.Weights(never, _training.Train(never, "--resume").Json);

        var profile = _training.Import("profile");
        var before = _training.Train(profile, "--now").Json;
        var id = before.GetProperty("adapterId").GetString();
        Assert.Equal(3, Files(profile, "*.checkpoint").Length);
        foreach (var affected in Erase(profile, ids))
        {
            Assert.Equal([id!], affected);
        }

        // Steps take 2 of 28; milestones lie after 3, 7 and 10.
        Assert.Equal(new[] { 3, 7, 10 }.Count(step => step * 2 < ids.Min()), Files(profile, "*.checkpoint").Length);
        var replayed = _training.Train(profile, "--resume").Json;
        Assert.NotEqual(id, replayed.GetProperty("adapterId").GetString());
        Assert.Equal(expected, TrainingProfile.Weights(profile, replayed));
        Assert.NotEqual(TrainingProfile.Weights(profile, before), expected);

        // What comes later concerns both adapters; what was there already, the first alone.
        Assert.Equal(2, Erase(profile, 5)[0].Length);
        Assert.Empty(Erase(profile, TrainingProfile.Rows)[0]);
    }

    [Fact]
    public void Erasing_everything_leaves_neither_checkpoint_nor_log()
    {
        var profile = _training.Import("profile");
        var id = _training.Train(profile, "--now").Json.GetProperty("adapterId").GetString();
        var run = CommandRun.Of("store", "erase", "--all", "--json", "--data", profile).Succeeds().Json;
        Assert.Equal([id], run.GetProperty("adaptersAffected").EnumerateArray().Select(value => value.GetString()));
        Assert.Empty(Files(profile, "*.checkpoint"));
        Assert.Empty(Files(profile, "*.job"));
    }

    [Fact]
    public void An_erased_text_that_an_interrupted_job_had_planned_is_left_out()
    {
        var profile = _training.Import("profile");
        _training.Plan(profile);
        Assert.Empty(Erase(profile, 3)[0]);
        var id = _training.Train(profile, "--resume").Json.GetProperty("adapterId").GetString();
        var adapter = CommandRun.Of("adapters", "show", id!, "--json", "--data", profile).Succeeds().Json;
        Assert.Equal(TrainingProfile.TrainedRows - 1, adapter.GetProperty("trainedOn").GetProperty("interactions").GetInt32());
    }

    [Fact]
    public void An_adapter_kept_an_instant_before_a_kill_is_not_taken_for_the_one_without_an_erased_text()
    {
        var profile = _training.Import("profile");
        _training.Plan(profile);
        var log = Assert.Single(Files(profile, "*.job"));
        var pending = File.ReadAllBytes(log);
        var kept = _training.Train(profile, "--resume").Json.GetProperty("adapterId").GetString();
        File.WriteAllBytes(log, pending);

        Assert.Equal(kept, Assert.Single(Erase(profile, 3)[0]));
        var replayed = _training.Train(profile, "--resume").Json;
        Assert.NotEqual(kept, replayed.GetProperty("adapterId").GetString());
        var adapter = CommandRun.Of("adapters", "show", replayed.GetProperty("adapterId").GetString()!, "--json", "--data", profile).Succeeds().Json;
        Assert.Equal(TrainingProfile.TrainedRows - 1, adapter.GetProperty("trainedOn").GetProperty("interactions").GetInt32());
    }

    private static string[] Files(string profile, string pattern) => [.. Directory.GetFiles(Path.Combine(profile, "checkpoints"), pattern).Order(StringComparer.Ordinal)];

    private static List<string[]> Erase(string profile, params int[] ids) =>
        [.. ids.Select(id => CommandRun.Of("store", "erase", "--id", $"{id}", "--json", "--data", profile).Succeeds().Json.GetProperty("adaptersAffected").EnumerateArray().Select(value => value.GetString()!).ToArray())];
}
