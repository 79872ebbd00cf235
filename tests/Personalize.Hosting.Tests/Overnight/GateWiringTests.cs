using Personalize.Cli.Tests;
using Personalize.Core.Interactions;
using Personalize.Core.Profiles;
using Personalize.Hosting.Overnight;
using Personalize.Training;
using Personalize.Training.Evaluation;
using Personalize.Training.Jobs;

namespace Personalize.Hosting.Tests.Overnight;

/// <summary>What a job makes of the gate's and the sources' options, on a model of two small layers.</summary>
public sealed class GateWiringTests : IDisposable
{
    private const int Rows = 60;
    private static readonly DateTimeOffset Start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly TemporaryFolder _folder = new();
    private readonly OvernightModel _model;

    public GateWiringTests() => _model = OvernightModel.Load(TinyModel.Write(_folder), 1, TimeProvider.System);

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Planted_secrets_are_in_the_plan_seen_by_the_gate_and_in_no_list_of_interactions()
    {
        using var profile = Record(Interactions("cli"));
        using var journal = JobJournal.Open(profile);
        var stored = profile.Interactions.ReadAll().ToList();
        var job = Job(new JobOptions { Gate = new GateOptions { Canaries = 3, MaximumExposureBits = Canary.MaximumBits, RequireCertainty = false } });
        var log = job.Begin(journal, profile.Adapters, stored, "test");
        var trained = Rows * 70 / 100;
        Assert.Equal(trained, log.TrainedOn.Count);
        Assert.Equal(stored.Take(trained).Select(interaction => interaction.Id), log.TrainedOn);

        // Resumed by a job that plants nothing itself: the plan decides.
        var resumed = Job(new JobOptions()).Resume(journal, profile.Adapters, stored, "test");
        Assert.Equal(log.RunId, resumed.RunId);
        var result = job.Run(journal, resumed, stored, null, TimeSpan.FromDays(1));
        Assert.Equal((trained + 3 + 3) / 4, result.Training.Steps);
        Assert.Equal(3, result.Gate.Canary!.Planted);
        Assert.InRange(result.Gate.Canary.AdapterBits, 0, Canary.MaximumBits);
        Assert.Equal(trained, result.TrainedOn.Count);
        Assert.Equal(trained, result.Split.TrainCount);

        _ = PersonalizationJob.Keep(profile.Adapters, journal, resumed, result);
        Assert.Equal(result.Gate, journal.Latest!.Outcome!.Gate);
        Assert.Equal(stored[^1].Id, journal.NewestSeenBy(journal.Latest.AdapterId));
    }

    [Fact]
    public void A_source_that_floods_or_takes_more_than_its_share_neither_trains_nor_judges()
    {
        using var profile = Record([.. Interactions("cli"), .. Interactions("app", Rows * 3)]);
        using var journal = JobJournal.Open(profile);
        var stored = profile.Interactions.ReadAll().ToList();
        var log = Job(new JobOptions { Sources = new SourceLimits { MaximumShare = 0.25 } }).Begin(journal, profile.Adapters, stored, "test");
        Assert.Equal(Rows / 3, (Rows * 3) - log.OverShare["app"]);
        var app = stored.Where(interaction => interaction.Source == "app").Select(interaction => interaction.Id).ToHashSet();
        Assert.InRange(log.TrainedOn.Count(app.Contains), 1, Rows / 3);
        Assert.Empty(log.Flooded);

        var calm = Job(new JobOptions { Sources = new SourceLimits { MaximumPerWindow = 2, FloodWindow = TimeSpan.FromHours(1) } }).Begin(journal, profile.Adapters, stored, "test");
        Assert.True(calm.Flooded["app"] > Rows);
        Assert.Equal(calm.Flooded["app"], journal.Latest!.Flooded["app"]);
        Assert.Empty(Job(new JobOptions()).Begin(journal, profile.Adapters, stored, "test").OverShare);
    }

    [Fact]
    public void Forgetting_shows_in_the_score_of_general_questions()
    {
        using var profile = Record(Interactions("cli"));
        var stored = profile.Interactions.ReadAll().ToList();
        var measured = Job(new JobOptions()).Run(stored);
        Assert.InRange(measured.Gate.General!.BaseScore, 0.1, 0.5);
        Assert.NotEqual(measured.Gate.General.BaseScore, measured.Gate.General.AdapterScore);
        Assert.Null(Job(new JobOptions { Gate = new GateOptions { MaximumGeneralFall = double.PositiveInfinity } }).Run(stored).Gate.General);
    }

    private PersonalizationJob Job(JobOptions options) => new(_model.Model, _model.Format, _model.Pool, new LoraRecipe { Rank = 4 }, options: options);

    private Profile Record(IEnumerable<Interaction> interactions)
    {
        var profile = Profile.Open(_folder[Guid.NewGuid().ToString("N")]);
        profile.Interactions.Consent.Give("cli");
        profile.Interactions.Consent.Give("app");
        _ = profile.Interactions.AppendMany(interactions);
        return profile;
    }

    private static IEnumerable<Interaction> Interactions(string source, int count = Rows) =>
        Enumerable.Range(0, count).Select(i => new Interaction(0, $"{i}", Start + TimeSpan.FromMinutes(i), source, $"ask {i % 7}", $"la la {i % 3} {source} {i * i}"));
}
