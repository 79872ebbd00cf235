using System.Text.Json;
using System.Xml.Linq;
using Personalize.Cli.Hosting;
using Personalize.Core.Devices;

namespace Personalize.Cli.Tests.Commands;

/// <summary>Work that waits for the device: <c>train</c> without <c>--now</c>, and the agent.</summary>
public sealed class AgentTests : IDisposable
{
    private readonly TrainingProfile _training = new();

    public void Dispose() => _training.Dispose();

    [Fact]
    public void Training_without_now_is_refused_where_a_condition_cannot_be_known()
    {
        var device = new FakeDevice((_, _) => FakeDevice.AllGood with { Idle = DeviceReading.Unknown("no session") });
        var run = CommandRun.On(device, _training.TrainArguments(_training.Import("profile"))).FailsWith(ExitCode.Refused, "idle", "no session", "--now", "--assume idle");
        Assert.Equal(ExitCode.Refused, run.Json.GetProperty("exitCode").GetInt32());
        Assert.Equal(1, device.Count);
    }

    [Fact]
    public void Training_without_now_waits_trains_and_yields_when_the_person_returns()
    {
        var whole = TrainingProfile.Weights(_training.Import("whole"), _training.Train(_training.Folder["whole"], "--now").Json);

        // On battery at first; then the person comes back for one reading in the middle of the work.
        var returned = 0;
        var device = new FakeDevice((count, working) => FakeDevice.AllGood with
        {
            Charging = new DeviceReading(count > 0, "plug"),
            Idle = new DeviceReading(!(working && Interlocked.Increment(ref returned) == 1), "person"),
        });
        var profile = _training.Import("profile");
        var run = CommandRun.On(device, _training.TrainArguments(profile)).Succeeds();
        Assert.Contains("waiting: not charging: plug", run.Error, StringComparison.Ordinal);
        Assert.True(device.Count >= 3);
        Assert.Equal(whole, TrainingProfile.Weights(profile, run.Json));
    }

    [Fact]
    public void Training_without_now_gives_up_in_time() =>
        CommandRun.On(new FakeDevice((_, _) => FakeDevice.AllGood with { Cool = DeviceReading.No("90 degrees") }), [.. _training.TrainArguments(_training.Import("profile")), "--give-up-after", "0"])
            .FailsWith(ExitCode.Refused, "not cool: 90 degrees", "--give-up-after");

    [Fact]
    public void The_agent_trains_once_says_why_not_and_remembers_both()
    {
        var profile = _training.Import("profile");
        string[] once = ["agent", "run", "--once", "--model", _training.Model, "--recipe", _training.Recipe, "--data", profile, "--json"];
        var before = Status(FakeDevice.Willing, profile);
        Assert.Equal(TrainingProfile.Rows, before.GetProperty("pendingInteractions").GetInt32());
        Assert.Equal(JsonValueKind.Null, before.GetProperty("lastRun").ValueKind);

        var trained = CommandRun.On(FakeDevice.Willing, once);
        Assert.Contains(trained.Json.GetProperty("outcome").GetString(), (string[])["promoted", "rejected"]);
        Assert.Equal(trained.Json.GetProperty("outcome").GetString() == "promoted" ? ExitCode.Done : ExitCode.Refused, trained.ExitCode);
        var again = CommandRun.On(FakeDevice.Willing, once);
        Assert.Equal(ExitCode.Refused, again.ExitCode);
        Assert.Contains("0 new interactions, 20 are needed", again.Json.GetProperty("reason").GetString(), StringComparison.Ordinal);

        var hot = new FakeDevice((_, _) => FakeDevice.AllGood with { Cool = DeviceReading.No("90 degrees"), Idle = DeviceReading.Unknown("no session") });
        Assert.Equal(ExitCode.Refused, CommandRun.On(hot, once).ExitCode);
        var status = Status(hot, profile);
        Assert.True(status.GetProperty("conditions").GetProperty("charging").GetBoolean());
        Assert.False(status.GetProperty("conditions").GetProperty("idle").GetBoolean());
        Assert.False(status.GetProperty("conditions").GetProperty("cool").GetBoolean());
        Assert.Equal("idle", Assert.Single(status.GetProperty("unknown").EnumerateArray()).GetString());
        Assert.Equal(0, status.GetProperty("pendingInteractions").GetInt32());
        Assert.Equal(trained.Json.GetProperty("adapterId").GetString(), status.GetProperty("lastRun").GetProperty("adapterId").GetString());
        var history = status.GetProperty("history").EnumerateArray().Select(entry => entry.GetProperty("reason").GetString()!).ToList();
        Assert.Equal(3, history.Count);
        Assert.Contains("90 degrees", history[^1], StringComparison.Ordinal);
        Assert.Contains("90 degrees", CommandRun.On(hot, "agent", "status", "--data", profile).Succeeds().Out, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_profile_the_agent_waits_and_its_status_is_the_devices()
    {
        var run = CommandRun.On(FakeDevice.Willing, "agent", "run", "--once", "--data", _training.Folder["none"], "--json");
        Assert.Equal(ExitCode.Refused, run.ExitCode);
        Assert.Equal("notNow", run.Json.GetProperty("outcome").GetString());
        Assert.True(Status(FakeDevice.Willing, _training.Folder["none"]).GetProperty("conditions").GetProperty("idle").GetBoolean());
        Assert.False(Directory.Exists(_training.Folder["none"]));
    }

    [Fact]
    public void A_file_that_was_changed_is_named()
    {
        var profile = _training.Import("profile");
        _ = CommandRun.On(new FakeDevice((_, _) => FakeDevice.AllGood with { Cool = DeviceReading.No("hot") }), "agent", "run", "--once", "--data", profile, "--model", _training.Model);
        var file = Path.Combine(profile, "checkpoints", "agent.history");
        var bytes = File.ReadAllBytes(file);
        bytes[^3] ^= 1;
        File.WriteAllBytes(file, bytes);
        CommandRun.On(FakeDevice.Willing, "agent", "status", "--data", profile).FailsWith(ExitCode.KeyOrStore, "agent.history");
    }

    [Theory]
    [InlineData("linux", 2, "ExecStart=")]
    [InlineData("macos", 1, "ProgramArguments")]
    [InlineData("windows", 1, "RunOnlyIfIdle")]
    public void What_the_systems_scheduler_needs_is_printed(string system, int count, string word)
    {
        var files = CommandRun.Of("agent", "install", "--print", "--for", system, "--data", _training.Folder["a profile & 100%"], "--json").Succeeds().Json.GetProperty("files");
        Assert.Equal(count, files.GetArrayLength());
        var content = files[0].GetProperty("content").GetString()!;
        Assert.Contains(word, content, StringComparison.Ordinal);
        Assert.Contains("--once", content, StringComparison.Ordinal);
        Assert.DoesNotContain('\r', content);
        if (system == "linux")
        {
            Assert.Contains("100%%\"", content, StringComparison.Ordinal);
            return;
        }

        // Well-formed, with the folder's name as it is.
        var xml = XDocument.Parse(content[content.IndexOf(system == "macos" ? "<plist" : "<Task", StringComparison.Ordinal)..]);
        Assert.Contains("a profile & 100%", xml.Root!.Value, StringComparison.Ordinal);
        Assert.Contains(word, content, StringComparison.Ordinal);
    }

    private static JsonElement Status(IDeviceConditions device, string profile) => CommandRun.On(device, "agent", "status", "--data", profile, "--json").Succeeds().Json;
}
