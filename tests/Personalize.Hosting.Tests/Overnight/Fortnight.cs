using Personalize.Cli.Tests;
using Personalize.Core.Adapters;
using Personalize.Core.Interactions;
using Personalize.Core.Profiles;
using Personalize.Hosting.Overnight;
using Personalize.Training;
using Personalize.Training.Evaluation;

namespace Personalize.Hosting.Tests.Overnight;

/// <summary>Fourteen days of one person: they write by day, the agent looks every five minutes by night. From the seventh day on they write in another manner.</summary>
internal sealed class Fortnight : IDisposable
{
    public const int Days = 14;
    private const int RowsADay = 8;
    private const int ChangeDay = 7;
    private const string Source = "diary";
    private static readonly TimeSpan Look = TimeSpan.FromMinutes(5);

    private readonly TemporaryFolder _folder = new();
    private readonly string _model;
    private readonly string _profile;
    private OvernightAgent _agent;

    public Fortnight()
    {
        _model = TinyModel.Write(_folder);
        _profile = _folder["profile"];
        Home = new SimulatedHome(Time);
        _agent = CreateAgent();
    }

    public SimulatedTime Time { get; } = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));

    public SimulatedHome Home { get; }

    /// <summary>Everything the agent wrote down that was not "not now".</summary>
    public List<OvernightEntry> Runs
    {
        get
        {
            using var profile = Open();
            return [.. OvernightHistory.Read(profile).Entries.Where(entry => entry.IsRun)];
        }
    }

    public OvernightOptions Options { get; } = new()
    {
        Recipe = new LoraRecipe { Rank = 4, ExamplesPerStep = 2, LearningRate = 1e-2 },
        Sources = new SourceLimits { Trusted = [Source] },
        Gate = new GateOptions { MaximumGeneralFall = double.PositiveInfinity },
        LookInterval = Look,
        RetryDelay = TimeSpan.FromSeconds(1),
    };

    /// <summary>Lives through all days.</summary>
    /// <param name="evening">Told each day after the person has written, before the night.</param>
    public void Live(Action<int>? evening = null)
    {
        for (var day = 1; day <= Days; day++)
        {
            Home.PersonIsThere = true;
            Write(day);
            evening?.Invoke(day);
            Time.Advance(TimeSpan.FromHours(11));
            Home.PersonIsThere = false;
            Night(TimeSpan.FromHours(7));
            Home.PersonIsThere = true;
            Time.Advance(TimeSpan.FromHours(6));
        }
    }

    /// <summary>The process ends and another one begins; what was in memory is gone.</summary>
    public void Reboot() => _agent = CreateAgent();

    /// <summary>All adapters that were made, oldest first, bit by bit, with what became of each.</summary>
    public List<(AdapterStatus Status, int[] Bits)> Adapters()
    {
        using var profile = Open();
        return [.. profile.Adapters.List().Select(record => (record.Status, profile.Adapters.Load(record.Id).Pairs.SelectMany(pair => pair.A.Concat(pair.B)).Select(BitConverter.SingleToInt32Bits).ToArray()))];
    }

    public Profile Open() => Profile.Open(_profile, new ProfileOptions { OpenForReading = true, TimeProvider = Time });

    public void Dispose() => _folder.Dispose();

    private OvernightAgent CreateAgent() => new(new FolderProfileAccess(_profile, Time), () => OvernightModel.Load(_model, 1, Time), Home, Options, Time) { Progress = Home };

    private void Night(TimeSpan length)
    {
        var morning = Time.GetUtcNow() + length;
        while (Time.GetUtcNow() < morning)
        {
            try
            {
                _ = _agent.LookAsync(CancellationToken.None).GetAwaiter().GetResult();
            }
            catch (PowerCutException)
            {
                Reboot();
            }

            Time.Advance(Look);
        }
    }

    private void Write(int day)
    {
        using var profile = Profile.Open(_profile, new ProfileOptions { TimeProvider = Time });
        if (day == 1)
        {
            profile.Interactions.Consent.Give(Source);
        }

        for (var i = 0; i < RowsADay; i++)
        {
            var number = (day * RowsADay) + i;
            // What follows an l or an a is what the first week taught not to expect.
            var text = day < ChangeDay ? $"la la la {number % 3}, la la {number % 5}" : string.Concat(Enumerable.Repeat("lQaW", 10 + (number % 3)));
            _ = profile.Interactions.Append(new Interaction(0, $"{number}", Time.GetUtcNow() + TimeSpan.FromMinutes(i), Source, $"ask {number % 4}", text));
        }
    }
}
