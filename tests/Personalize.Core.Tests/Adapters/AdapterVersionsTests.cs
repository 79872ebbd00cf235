using Personalize.Core.Adapters;
using Personalize.Core.Errors;
using Personalize.Core.Profiles;

namespace Personalize.Core.Tests.Adapters;

/// <summary>How many adapters stay, and what the history says of a step back.</summary>
public sealed class AdapterVersionsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_one_in_use_those_before_it_and_the_newest_stay()
    {
        using var profile = Open();
        var ids = Enumerable.Range(0, 6).Select(seed => profile.Adapters.Add(AdapterSamples.Create(seed), new AdapterProvenance(), rejected: seed == 4).Id).ToList();
        profile.Adapters.Promote(ids[0]);
        profile.Adapters.Promote(ids[1]);
        profile.Adapters.Promote(ids[2]);
        profile.Adapters.Promote(ids[3]);

        // In use: 3. To be rolled back to: 2, 1, 0. Besides: 4 and 5.
        Assert.Empty(profile.Adapters.KeepLatest(5));
        Assert.Single(profile.Adapters.KeepLatest(4));
        Assert.Equal(ids[..4].Order(), profile.Adapters.List().Select(record => record.Id).Where(ids[..4].Contains).Order());
        Assert.Equal(3, profile.Adapters.KeepLatest(1).Count);
        Assert.Equal([ids[2], ids[3]], profile.Adapters.List().Select(record => record.Id).Order(Comparer<string>.Create((one, other) => ids.IndexOf(one) - ids.IndexOf(other))));
        Assert.Equal(ids[2], profile.Adapters.Rollback()!.Id);
        Assert.Null(profile.Adapters.Rollback());
        Assert.Throws<ArgumentOutOfRangeException>(() => profile.Adapters.KeepLatest(-1));
    }

    [Fact]
    public void A_damaged_one_goes_first_and_readers_remove_nothing()
    {
        using (var profile = Open())
        {
            var damaged = profile.Adapters.Add(AdapterSamples.Create(1), new AdapterProvenance()).Id;
            var whole = profile.Adapters.Add(AdapterSamples.Create(2), new AdapterProvenance()).Id;
            File.WriteAllBytes(Path.Combine(_folder["profile"], "adapters", damaged + ".adapter"), [1, 2, 3]);
            Assert.Equal([damaged], profile.Adapters.KeepLatest(1));
            Assert.True(profile.Adapters.Contains(whole));
        }

        using var reader = Profile.Open(_folder["profile"], new ProfileOptions { OpenForReading = true });
        Assert.Throws<ProfileAccessException>(() => reader.Adapters.KeepLatest(0));
    }

    [Fact]
    public void A_step_back_says_why()
    {
        using (var profile = Open())
        {
            profile.Adapters.Promote(profile.Adapters.Add(AdapterSamples.Create(1), new AdapterProvenance()).Id);
            Assert.Null(profile.Adapters.Rollback("worse by 0.3"));
        }

        using var again = Open();
        Assert.Equal([null, "worse by 0.3"], again.Adapters.History.Select(change => change.Reason));
        Assert.True(again.Adapters.History[1].IsRollback);
    }

    private Profile Open() => Profile.Open(_folder["profile"]);
}
