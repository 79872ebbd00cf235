using Personalize.Core.Adapters;
using Personalize.Hosting.Overnight;
using Xunit.Abstractions;

namespace Personalize.Hosting.Tests.Overnight;

/// <summary>Two weeks in a few seconds: interrupted in every way, the agent makes the adapters it would have made undisturbed, byte for byte.</summary>
public sealed class FortnightTests(ITestOutputHelper output)
{
    [Fact]
    public void A_fortnight_of_disturbed_nights_gives_the_adapters_of_an_undisturbed_one()
    {
        using var calm = new Fortnight();
        calm.Live();
        Show(calm);
        var kinds = calm.Runs.ConvertAll(run => run.Kind);
        Assert.Equal([OvernightKind.Promoted, OvernightKind.Promoted, OvernightKind.RolledBack], kinds.Take(3));
        Assert.Contains(OvernightKind.Rejected, kinds);
        Assert.Equal(OvernightKind.Promoted, kinds[^1]);

        using var rough = new Fortnight();
        Disturb(rough);
        rough.Live(day =>
        {
            if (day % 4 == 0)
            {
                rough.Reboot();
            }
        });
        Show(rough);
        Assert.Empty(rough.Home.Events);
        Assert.Equal(0, rough.Home.LateSteps);
        Assert.Equal(calm.Adapters(), rough.Adapters(), (one, other) => one.Status == other.Status && one.Bits.AsSpan().SequenceEqual(other.Bits));
        Assert.Equal(kinds, rough.Runs.Select(run => run.Kind).Where(kind => kind != OvernightKind.Interrupted));
        Assert.True(rough.Runs.Count(run => run.Kind == OvernightKind.Interrupted) >= 4);
        Assert.NotEmpty(rough.Time.Pauses);
        AssertWrittenDown(rough);
    }

    /// <summary>What happens after which step of all nights together; each time the slice must end at that very step.</summary>
    private static void Disturb(Fortnight rough)
    {
        var home = rough.Home;
        void At(int step, Action happens) => home.Events[step] = happens;
        home.Warming = 25;
        At(3, () => Return(rough, TimeSpan.FromMinutes(7)));
        At(5, () => Return(rough, TimeSpan.FromHours(9)));
        At(9, () => home.Celsius = 120);
        At(12, () => Unplug(rough, TimeSpan.FromMinutes(40)));
        At(14, () => throw new PowerCutException());
        At(30, () => Return(rough, TimeSpan.FromMinutes(1)));
    }

    private static void Return(Fortnight home, TimeSpan stays)
    {
        home.Home.PersonIsThere = true;
        _ = home.Time.CreateTimer(_ => home.Home.PersonIsThere = false, null, stays, TimeSpan.FromDays(400));
    }

    private static void Unplug(Fortnight home, TimeSpan away)
    {
        home.Home.IsPlugged = false;
        _ = home.Time.CreateTimer(_ => home.Home.IsPlugged = true, null, away, TimeSpan.FromDays(400));
    }

    private static void AssertWrittenDown(Fortnight lived)
    {
        using var profile = lived.Open();
        var history = OvernightHistory.Read(profile);
        Assert.Contains(history.Entries, entry => entry.Kind == OvernightKind.NotNow && entry.Reason.Contains("not idle", StringComparison.Ordinal));
        Assert.Contains(history.Entries, entry => entry.Kind == OvernightKind.NotNow && entry.Reason.Contains("are needed", StringComparison.Ordinal));
        Assert.True(history.Entries.Count < 100);

        var changes = profile.Adapters.History;
        Assert.Equal(
            lived.Runs.Where(run => run.Kind is OvernightKind.Promoted or OvernightKind.RolledBack).Select(run => run.Kind == OvernightKind.RolledBack),
            changes.Select(change => change.IsRollback));
        Assert.All(changes.Where(change => change.IsRollback), change => Assert.Contains("worse than the base", change.Reason, StringComparison.Ordinal));
        Assert.Equal(AdapterStatus.Promoted, profile.Adapters.GetPromoted()!.Status);
    }

    private void Show(Fortnight lived)
    {
        foreach (var run in lived.Runs)
        {
            output.WriteLine($"{run.At:MM-dd HH:mm} {run.Kind}: {run.Reason}");
        }

        output.WriteLine($"{lived.Home.Steps} steps, {lived.Time.Pauses.Count} pauses");
    }
}
