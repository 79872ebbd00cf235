using Personalize.Core.Errors;
using Personalize.Core.Interactions;
using Personalize.Core.Profiles;

namespace Personalize.Cli.Tests.Commands;

/// <summary>A text that was recorded, trained on, planned for another job, and erased: where anything of it could be left.</summary>
public sealed class ErasureTraceTests : IDisposable
{
    private readonly TrainingProfile _training = new();
    private readonly List<string> _said = [];

    public void Dispose() => _training.Dispose();

    [Fact]
    public void Nothing_of_it_is_left_in_any_file_and_what_was_said_never_held_it()
    {
        var profile = Live();
        Run("store", "erase", "--id", Id(profile), "--data", profile);
        ErasedWords.AssertNowhere(Directory.GetFiles(profile, "*", SearchOption.AllDirectories));
        Assert.All(_said, text => Assert.DoesNotContain(ErasedWords.All, word => text.Contains(word, StringComparison.Ordinal)));
    }

    [Fact]
    public void No_file_that_the_running_process_holds_open_has_it_the_deleted_ones_neither()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        var path = Live();
        using var profile = Profile.Open(path);
        profile.Interactions.Append(new Interaction(0, null, DateTimeOffset.UtcNow, "cli", ErasedWords.All[1], ErasedWords.All[0]));
        var erased = profile.Interactions.ReadAll().Where(interaction => interaction.Text.Contains(ErasedWords.All[0], StringComparison.Ordinal)).Select(interaction => interaction.Id).ToArray();
        Assert.Equal(2, erased.Length);
        Assert.Equal(2, profile.Erase(erased));
        var open = Directory.GetFiles("/proc/self/fd").Where(file => new FileInfo(file).LinkTarget is { } target && target.StartsWith(path, StringComparison.Ordinal) && !target.EndsWith(".lock", StringComparison.Ordinal)).ToArray();
        Assert.NotEmpty(open);
        ErasedWords.AssertNowhere(open);
    }

    [Fact]
    public void The_keys_of_before_open_nothing()
    {
        var profile = Live();
        var thief = Copy(profile, _training.Folder["thief"]);
        Run("store", "erase", "--id", Id(profile), "--data", profile);

        // Everything of today with the keys of yesterday.
        var mixed = Copy(profile, _training.Folder["mixed"]);
        foreach (var name in new[] { "profile.json", "profile.key" })
        {
            File.Copy(Path.Combine(thief, name), Path.Combine(mixed, name), overwrite: true);
        }

        Assert.ThrowsAny<PersonalizeException>(() =>
        {
            using var opened = Profile.Open(mixed, new ProfileOptions { OpenForReading = true });
            _ = opened.Interactions.ReadAll().ToList();
        });
        Assert.ThrowsAny<PersonalizeException>(() =>
        {
            using var opened = Profile.Open(mixed, new ProfileOptions { OpenForReading = true });
            _ = opened.Adapters.List();
        });
    }

    /// <summary>A profile in which the words were trained on and a next job is planned and stopped.</summary>
    private string Live()
    {
        var profile = _training.Import("profile");
        var early = _training.Folder.Write("early.jsonl", $$"""{"id": "early", "timestamp": 1741345000, "context": "{{ErasedWords.All[1]}}", "text": "la {{ErasedWords.All[0]}} la"}""" + "\n");
        Run("import", early, "--data", profile);
        File.Delete(early);
        var trained = _training.Train(profile, "--now");
        _said.AddRange([trained.Out, trained.Error]);
        Run("record", "--context", "c", "--text", "one more", "--data", profile);
        _training.Plan(profile);
        Assert.NotEmpty(Directory.GetFiles(Path.Combine(profile, "checkpoints")));
        return profile;
    }

    private static string Id(string profile)
    {
        using var opened = Profile.Open(profile, new ProfileOptions { OpenForReading = true });
        return $"{opened.Interactions.ReadAll().Single(interaction => interaction.Text.Contains(ErasedWords.All[0], StringComparison.Ordinal)).Id}";
    }

    private CommandRun Run(params string[] args)
    {
        var run = CommandRun.Of(args).Succeeds();
        _said.AddRange([run.Out, run.Error]);
        return run;
    }

    private static string Copy(string from, string to)
    {
        foreach (var file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }

        return to;
    }
}
