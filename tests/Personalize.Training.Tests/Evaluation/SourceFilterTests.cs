using Personalize.Core.Interactions;
using Personalize.Training.Evaluation;

namespace Personalize.Training.Tests.Evaluation;

public sealed class SourceFilterTests
{
    private static readonly DateTimeOffset Start = DateTimeOffset.UnixEpoch;

    [Fact]
    public void Sources_within_their_limits_lose_nothing()
    {
        List<Interaction> all = [.. From("cli", 10, 1), .. From("mail", 8, 1), .. From("chat", 6, 1)];
        var result = SourceFilter.Apply(all);
        Assert.Equal(all, result.Kept);
        Assert.Empty(result.Flooded);
        Assert.Empty(result.OverShare);
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(0.25)]
    [InlineData(0.04)]
    public void No_source_has_more_than_its_share_of_what_is_kept(double share)
    {
        List<Interaction> all = [.. From("cli", 40, 60), .. From("mail", 300, 60), .. From("chat", 20, 60)];
        var kept = SourceFilter.Apply(all, new SourceLimits { MaximumShare = share }).Kept;
        Assert.Equal(40, kept.Count(i => i.Source == "cli"));
        int mail = kept.Count(i => i.Source == "mail"), chat = kept.Count(i => i.Source == "chat");
        Assert.InRange(mail, 1, share * kept.Count);
        Assert.InRange(chat, 1, share * kept.Count);

        // One more of the larger source would be too many.
        Assert.True(mail + 1 > share * (kept.Count + 1 + (chat == mail ? 1 : 0)));
        Assert.Equal(kept, all.Where(kept.Contains));
    }

    [Fact]
    public void What_is_left_of_a_source_is_spread_over_its_time()
    {
        List<Interaction> all = [.. From("cli", 4, 60), .. From("mail", 100, 60)];
        var result = SourceFilter.Apply(all);
        Assert.Equal([0, 25, 50, 75], result.Kept.Where(i => i.Source == "mail").Select(i => (int)(i.Timestamp - Start).TotalMinutes / 60));
        Assert.Equal(96, result.OverShare["mail"]);
    }

    [Fact]
    public void A_source_alone_teaches_nothing() => Assert.Empty(SourceFilter.Apply([.. From("mail", 20, 60)]).Kept);

    [Fact]
    public void A_flood_is_cut_to_the_window_whatever_its_order()
    {
        var limits = new SourceLimits { MaximumShare = 1, FloodWindow = TimeSpan.FromMinutes(10), MaximumPerWindow = 3 };
        var all = From("mail", 30, 1).Reverse().ToList();
        var result = SourceFilter.Apply(all, limits);
        Assert.Equal([22, 21, 20, 12, 11, 10, 2, 1, 0], result.Kept.Select(i => (int)(i.Timestamp - Start).TotalMinutes));
        Assert.Equal(21, result.Flooded["mail"]);
        Assert.Equal(30, SourceFilter.Apply([.. From("cli", 30, 1)], limits).Kept.Count);
    }

    [Fact]
    public void Limits_out_of_range_are_refused()
    {
        foreach (var limits in new[] { new SourceLimits { MaximumShare = 0 }, new SourceLimits { MaximumShare = double.NaN }, new SourceLimits { FloodWindow = TimeSpan.Zero }, new SourceLimits { MaximumPerWindow = 0 } })
        {
            Assert.Throws<ArgumentException>(() => SourceFilter.Apply([], limits));
        }
    }

    private static IEnumerable<Interaction> From(string source, int count, int minutes) =>
        Enumerable.Range(0, count).Select(i => new Interaction((source.Length * 1000) + i, null, Start.AddMinutes(i * minutes), source, "c", "t"));
}
