using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Personalize.Cli.Tests;
using Personalize.Core.Devices;
using Personalize.Core.Interactions;
using Personalize.Core.Profiles;
using Personalize.Hosting.Overnight;
using Personalize.Training;
using Personalize.Training.Evaluation;
using Personalize.Training.Jobs;

namespace Personalize.Hosting.Tests.Overnight;

/// <summary>One look at a time: what keeps the agent from working, what it tries again, and what it leaves alone.</summary>
public sealed class OvernightAgentTests : IDisposable
{
    private const string Source = "diary";
    private const string Secret = "a secret word";

    private readonly TemporaryFolder _folder = new();
    private readonly SimulatedTime _time = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly SimulatedHome _home;
    private readonly string _model;
    private readonly OvernightOptions _options = new()
    {
        Settle = TimeSpan.Zero,
        Recipe = new LoraRecipe { Rank = 2 },
        Sources = new SourceLimits { Trusted = [Source] },
        Gate = new GateOptions { MaximumGeneralFall = double.PositiveInfinity },
        RetryDelay = TimeSpan.FromSeconds(1),
    };

    public OvernightAgentTests()
    {
        _home = new SimulatedHome(_time);
        _model = TinyModel.Write(_folder);
    }

    private string ProfileFolder => _folder["profile"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Nothing_is_begun_until_the_conditions_have_held_for_a_while()
    {
        Record(24);
        _options.Settle = TimeSpan.FromMinutes(2);
        var agent = Agent();
        Assert.Contains("must go on to", Look(agent).Reason, StringComparison.Ordinal);
        _time.Advance(TimeSpan.FromMinutes(1));
        _home.PersonIsThere = true;
        Assert.Contains("not idle", Look(agent).Reason, StringComparison.Ordinal);
        _home.PersonIsThere = false;
        _time.Advance(TimeSpan.FromMinutes(2));
        Assert.Contains("must go on to", Look(agent).Reason, StringComparison.Ordinal);
        Assert.Equal(0, _home.Steps);
        _time.Advance(TimeSpan.FromMinutes(2));
        Assert.True(Look(agent).IsRun);
    }

    [Fact]
    public void Two_never_work_on_a_profile()
    {
        Record(24);
        using (var profile = Open(reading: true))
        using (JobJournal.Open(profile))
        {
            Assert.Contains("another training job", Look(Agent()).Reason, StringComparison.Ordinal);
            Assert.True(OvernightStatus.Read(profile, _home).IsTraining);
        }

        Assert.Equal(0, _home.Steps);
        Assert.True(Look(Agent()).IsRun);
    }

    [Fact]
    public void A_profile_in_use_is_tried_again_and_nothing_is_trained_twice()
    {
        Record(24);
        using (Open(reading: false))
        {
            Assert.Equal(OvernightKind.Failed, Look(Agent()).Kind);
        }

        Assert.Equal([1, 2, 4, 8], _time.Pauses.Select(pause => pause.TotalSeconds));
        var steps = _home.Steps;
        Assert.Equal(4, steps);
        Assert.NotEqual(OvernightKind.Failed, Look(Agent()).Kind);
        Assert.Equal(steps, _home.Steps);
    }

    [Fact]
    public void What_waiting_does_not_mend_waits_for_something_new()
    {
        Record(24);
        _options.Sources = new SourceLimits();
        var failed = Look(Agent());
        Assert.Equal(OvernightKind.Failed, failed.Kind);
        Assert.Contains("at least 2", failed.Reason, StringComparison.Ordinal);
        Assert.Contains("something new", Look(Agent()).Reason, StringComparison.Ordinal);

        _options.Sources = new SourceLimits { Trusted = [Source] };
        Assert.Contains("something new", Look(Agent()).Reason, StringComparison.Ordinal);
        Record(1);
        Assert.True(Look(Agent()).Kind is OvernightKind.Promoted or OvernightKind.Rejected);
    }

    [Fact]
    public void A_damaged_profile_is_an_entry_too()
    {
        Record(24);
        File.WriteAllBytes(Path.Combine(ProfileFolder, "checkpoints", "agent.history"), [1, 2, 3]);
        var entry = Look(Agent());
        Assert.Equal(OvernightKind.Failed, entry.Kind);
        Assert.Contains("agent.history", entry.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Being_stopped_interrupts_keeps_the_state_and_is_written_down()
    {
        Record(24);
        using var stop = new CancellationTokenSource();
        _home.Events[2] = stop.Cancel;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Agent().LookAsync(stop.Token));
        Assert.Equal(2, _home.Steps);
        using (var profile = Open(reading: true))
        {
            Assert.Equal(OvernightKind.Interrupted, OvernightHistory.Read(profile).LastRun!.Kind);
            Assert.True(OvernightStatus.Read(profile, _home).HasPendingJob);
        }

        Assert.NotEqual(OvernightKind.Failed, Look(Agent()).Kind);
        Assert.Equal(4, _home.Steps);
    }

    [Fact]
    public void Old_versions_go_and_the_one_in_use_stays()
    {
        _options.KeepVersions = 1;
        _options.MinimumNewInteractions = 2;
        for (var night = 0; night < 4; night++)
        {
            Record(night == 0 ? 24 : 2);
            Assert.True(Look(Agent()).IsRun);
        }

        using var profile = Open(reading: true);
        Assert.Equal(2, profile.Adapters.List().Count);
        Assert.NotNull(profile.Adapters.GetPromoted());
    }

    [Fact]
    public async Task A_host_runs_it_and_measures_it_without_a_word_of_the_person()
    {
        Record(24);
        var told = new List<string>();
        var done = new TaskCompletionSource();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, own) =>
            {
                if (instrument.Meter.Name == "Personalize.Overnight")
                {
                    own.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, _, tags, _) =>
        {
            lock (told)
            {
                told.Add(instrument.Name + string.Concat(tags.ToArray().Select(tag => $" {tag.Key}={tag.Value}")));
            }

            if (instrument.Name == "personalize.overnight.looks" && tags[0].Value is "Promoted" or "Rejected")
            {
                done.TrySetResult();
            }
        });
        listener.Start();

        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddSingleton<IDeviceConditions>(_home);
        builder.Services.AddPersonalization(options => (options.ModelPath, options.ProfileFolder, options.Threads, options.Source) = (_model, ProfileFolder, 1, Source)).AddOvernightTraining(options =>
        {
            options.Settle = TimeSpan.Zero;
            options.Recipe = _options.Recipe;
            options.Gate = _options.Gate;
        });
        using var host = builder.Build();
        await host.StartAsync();
        await done.Task.WaitAsync(TimeSpan.FromMinutes(2));
        await host.StopAsync();
        string[] lines;
        lock (told)
        {
            // Meters are heard by name, so agents of other tests may go on telling.
            lines = [.. told];
        }

        Assert.Contains("personalize.overnight.steps", lines);
        Assert.DoesNotContain(lines, line => line.Contains(Secret, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(nameof(OvernightOptions.MinimumNewInteractions))]
    [InlineData(nameof(OvernightOptions.KeepVersions))]
    [InlineData(nameof(OvernightOptions.PollInterval))]
    public async Task An_option_that_cannot_work_stops_the_start(string named)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddPersonalization(options => (options.ModelPath, options.ProfileFolder) = (_model, ProfileFolder)).AddOvernightTraining(options =>
        {
            options.MinimumNewInteractions = named == nameof(OvernightOptions.MinimumNewInteractions) ? 0 : 1;
            options.KeepVersions = named == nameof(OvernightOptions.KeepVersions) ? 0 : 1;
            options.PollInterval = named == nameof(OvernightOptions.PollInterval) ? TimeSpan.Zero : TimeSpan.FromSeconds(1);
        });
        using var host = builder.Build();
        var error = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync());
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    private OvernightAgent Agent() => new(new FolderProfileAccess(ProfileFolder, _time), () => OvernightModel.Load(_model, 1, _time), _home, _options, _time) { Progress = _home };

    private static OvernightEntry Look(OvernightAgent agent) => agent.LookAsync(CancellationToken.None).GetAwaiter().GetResult();

    private Profile Open(bool reading) => Profile.Open(ProfileFolder, new ProfileOptions { OpenForReading = reading, TimeProvider = _time });

    private void Record(int count)
    {
        using var profile = Open(reading: false);
        profile.Interactions.Consent.Give(Source);
        for (var i = 0; i < count; i++)
        {
            _ = profile.Interactions.Append(new Interaction(0, null, _time.GetUtcNow() + TimeSpan.FromSeconds(i), Source, $"ask {i % 3}", $"la la {i} {Secret}"));
        }

        _time.Advance(TimeSpan.FromHours(1));
    }
}
