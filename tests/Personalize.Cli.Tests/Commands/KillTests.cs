using System.Diagnostics;
using System.Globalization;
using Personalize.Cli.Hosting;

namespace Personalize.Cli.Tests.Commands;

/// <summary>Training as a process of its own that is killed at random moments, most of them while it writes a checkpoint.</summary>
public sealed class KillTests : IDisposable
{
    private const int Epochs = 4;
    private const int DefaultKills = 10;

    /// <summary>In kilobytes: the log fits, a checkpoint of some 50 does not.</summary>
    private const int CheckpointDoesNotFit = 40;

    /// <summary>How many kills, for a soak: 10 unless the variable says otherwise.</summary>
    private static readonly int Kills = int.TryParse(Environment.GetEnvironmentVariable("PERSONALIZE_KILLS"), CultureInfo.InvariantCulture, out var kills) ? kills : DefaultKills;

    private readonly TrainingProfile _training = new(Epochs);

    public void Dispose() => _training.Dispose();

    [Fact]
    public void However_often_it_is_killed_the_adapter_is_the_same_byte_for_byte()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        var whole = _training.Import("whole");
        var clock = Stopwatch.StartNew();
        using (var process = _training.Start(whole, fileBlocks: null, "--now", "--checkpoint-every", "0"))
        {
            process.WaitForExit();
        }

        var lifetime = (int)clock.ElapsedMilliseconds;
        var expected = TrainingProfile.Weights(whole, _training.Train(whole, "--resume").Json);
        var random = new Random(20240607);
        int killed = 0, finished = 0, partial = 0;
        var profile = _training.Import("killed-0");
        while (killed < Kills || finished == 0)
        {
            // Once there were enough kills, the last job is allowed to end.
            var patience = killed < Kills ? random.Next(lifetime / 4, lifetime) : Timeout.Infinite;
            using var process = _training.Start(profile, fileBlocks: null, "--resume", "--checkpoint-every", "0", "--threads", $"{1 + (killed % 3)}");
            if (!process.WaitForExit(patience))
            {
                process.Kill();
                process.WaitForExit();
                killed++;
                partial += Directory.GetFiles(Path.Combine(profile, "checkpoints"), "*.personalize-partial").Length;
                continue;
            }

            // The gate may refuse what so small a model learned; the adapter is kept either way.
            Assert.True(process.ExitCode is ExitCode.Done or ExitCode.Refused, process.StandardError.ReadToEnd());
            Assert.Equal(expected, TrainingProfile.Weights(profile, _training.Train(profile, "--resume").Json));
            Assert.Single(CommandRun.Of("adapters", "list", "--json", "--data", profile).Json.GetProperty("adapters").EnumerateArray());
            finished++;
            profile = _training.Import($"killed-{finished}");
        }

        if (Kills > DefaultKills)
        {
            Console.WriteLine($"{killed} kills, {partial} of them while a file was being written; {finished} jobs ended, all the same; {clock.Elapsed.TotalSeconds:F0} s");
        }
    }

    [Fact]
    public void A_disk_that_fills_up_is_said_and_the_job_goes_on_once_there_is_room()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        var whole = _training.Import("whole");
        var expected = TrainingProfile.Weights(whole, _training.Train(whole, "--now").Json);
        var profile = _training.Import("full");
        _training.Plan(profile);
        using (var process = _training.Start(profile, fileBlocks: CheckpointDoesNotFit, "--resume", "--checkpoint-every", "0"))
        {
            process.WaitForExit();
            Assert.Equal(ExitCode.Failed, process.ExitCode);
            Assert.Contains("no space is left", process.StandardError.ReadToEnd(), StringComparison.Ordinal);
        }

        Assert.Empty(Directory.GetFiles(Path.Combine(profile, "checkpoints"), "*.personalize-partial"));
        Assert.Equal(expected, TrainingProfile.Weights(profile, _training.Train(profile, "--resume").Json));
    }

    [Fact]
    public void Two_jobs_never_run_on_one_profile()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        var profile = _training.Import("profile");
        using var opened = Core.Profiles.Profile.Open(profile, new Core.Profiles.ProfileOptions { OpenForReading = true });
        using var journal = Training.Jobs.JobJournal.Open(opened);
        _training.Train(profile, "--now").FailsWith(ExitCode.Failed, "in use");
        CommandRun.Of("store", "erase", "--id", "1", "--data", profile).FailsWith(ExitCode.Failed, "in use");
        CommandRun.Of("record", "--context", "c", "--text", "t", "--data", profile).Succeeds();
    }
}
