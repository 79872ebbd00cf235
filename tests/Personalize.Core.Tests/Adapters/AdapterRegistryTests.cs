using System.Text;
using Personalize.Core.Adapters;
using Personalize.Core.Errors;
using Personalize.Core.Profiles;
using Personalize.Core.Security;

namespace Personalize.Core.Tests.Adapters;

public sealed class AdapterRegistryTests : IDisposable
{
    private static readonly AdapterProvenance Provenance = new()
    {
        TestNllBase = 3.8125,
        TestNllAdapter = 1.0 / 3,
        TrainedOn = new AdapterTrainingRange(300, 4, 312),
        Steps = 75,
        TrainTokens = 21_000,
        Recipe = "peft",
    };

    private readonly TemporaryFolder _folder = new();
    private readonly SteppingClock _clock = new();
    private Profile? _profile;

    private AdapterRegistry Registry => (_profile ??= Profile.Open(_folder["profile"], new ProfileOptions { TimeProvider = _clock })).Adapters;

    public void Dispose()
    {
        _profile?.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void What_is_added_is_there_when_opened_again()
    {
        var adapter = AdapterSamples.Create(rankStabilized: true);
        var added = Registry.Add(adapter, Provenance);
        Reopen();
        var record = Assert.Single(Registry.List());
        Assert.Equal(added.Provenance, record.Provenance);
        Assert.Equal((added.Id, added.Created, AdapterStatus.Candidate, AdapterSamples.Fingerprint), (record.Id, record.Created, record.Status, record.BaseFingerprint));
        AdapterSamples.AssertSame(adapter, Registry.Load(added.Id[..4]));
        Assert.Null(Registry.GetPromoted());
    }

    [Fact]
    public void Magnitudes_ranks_and_alphas_of_single_maps_come_back()
    {
        var adapter = AdapterSamples.CreateVaried();
        var added = Registry.Add(adapter, Provenance);
        Reopen();
        AdapterSamples.AssertSame(adapter, Registry.Load(added.Id));
        Assert.Throws<ArgumentException>(() => Registry.Add(new LoraAdapter(adapter.Configuration with { UseDora = false }, adapter.BaseFingerprint, adapter.Pairs), Provenance));
        adapter.Pairs[3].Magnitude![1] = float.NaN;
        Assert.Throws<ArgumentException>(() => Registry.Add(adapter, Provenance));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Biases_come_back(bool dora)
    {
        var adapter = AdapterSamples.CreateBiased(dora);
        var added = Registry.Add(adapter, Provenance);
        Reopen();
        AdapterSamples.AssertSame(adapter, Registry.Load(added.Id));
        Assert.Throws<ArgumentException>(() => Registry.Add(new LoraAdapter(adapter.Configuration with { TrainsBiases = false }, adapter.BaseFingerprint, adapter.Pairs), Provenance));
        adapter.Pairs[0].Bias![1] = float.NaN;
        Assert.Throws<ArgumentException>(() => Registry.Add(adapter, Provenance));
    }

    [Fact]
    public void A_manifest_without_biases_says_nothing_of_them_as_before_there_were_any()
    {
        var record = Registry.Add(AdapterSamples.CreateVaried(), Provenance);
        var bytes = new AdapterManifest(record, [(0, LinearModule.Query, 64, 48, false)]).Encode();
        Assert.DoesNotContain("bias", Encoding.UTF8.GetString(bytes), StringComparison.OrdinalIgnoreCase);
        Assert.EndsWith("""[[0,"q_proj",64,48]]}""", Encoding.UTF8.GetString(bytes), StringComparison.Ordinal);
        Assert.Equal((0, LinearModule.Query, 64, 48, false), Assert.Single(AdapterManifest.Decode(bytes).Pairs));
    }

    [Fact]
    public void Figures_that_are_missing_or_not_finite_come_back()
    {
        Registry.Add(AdapterSamples.Create(), new AdapterProvenance { TestNllAdapter = double.PositiveInfinity });
        Reopen();
        var provenance = Assert.Single(Registry.List()).Provenance;
        Assert.Equal((null, double.PositiveInfinity, null, null), (provenance.TestNllBase, provenance.TestNllAdapter, provenance.TestNllIncumbent, provenance.TrainedOn));
    }

    [Fact]
    public void Promoting_and_rolling_back_go_through_all_that_were_in_use()
    {
        var first = Registry.Add(AdapterSamples.Create(1), Provenance).Id;
        var second = Registry.Add(AdapterSamples.Create(2), Provenance).Id;
        var third = Registry.Add(AdapterSamples.Create(3), Provenance, rejected: true).Id;
        Registry.Promote(first);
        Registry.Promote(second);
        Registry.Promote(second);
        Reopen();
        Assert.Equal([AdapterStatus.Retired, AdapterStatus.Promoted, AdapterStatus.Rejected], Registry.List().Select(record => record.Status));
        Assert.Equal(first, Registry.Rollback()!.Id);
        Assert.Equal(first, Registry.GetPromoted()!.Id);
        Reopen();
        Assert.Null(Registry.Rollback());
        Assert.Null(Registry.Rollback());
        Assert.Null(Registry.GetPromoted());
        Assert.Equal([(first, false), (second, false), (first, true), (null, true)], Registry.History.Select(change => (change.AdapterId, change.IsRollback)));
        Assert.Equal([AdapterStatus.Retired, AdapterStatus.Retired, AdapterStatus.Rejected], Registry.List().Select(record => record.Status));
        Assert.Equal(AdapterStatus.Promoted, Registry.Promote(third).Status);
    }

    [Fact]
    public void What_is_removed_is_not_rolled_back_to()
    {
        var ids = Enumerable.Range(0, 3).Select(seed => Registry.Add(AdapterSamples.Create(seed), Provenance).Id).ToList();
        ids.ForEach(id => Registry.Promote(id));
        Assert.Equal(AdapterRegistryError.Promoted, Assert.Throws<AdapterRegistryException>(() => Registry.Remove(ids[2])).Error);
        Registry.Remove(ids[1]);
        Assert.Equal(2, Registry.List().Count);
        Assert.Equal(ids[0], Registry.Rollback()!.Id);
        Assert.Equal(AdapterRegistryError.NotFound, Assert.Throws<AdapterRegistryException>(() => Registry.Load(ids[1])).Error);
    }

    [Fact]
    public void An_id_needs_to_be_known_and_unambiguous()
    {
        for (var i = 0; i < 17; i++)
        {
            Registry.Add(AdapterSamples.Create(targets: LinearModule.Query), Provenance);
        }

        // Of 17 ids in hexadecimal two begin alike.
        var shared = Registry.List().GroupBy(record => record.Id[0]).First(group => group.Count() > 1).Key;
        Assert.Equal(AdapterRegistryError.Ambiguous, Assert.Throws<AdapterRegistryException>(() => Registry.Get($"{shared}")).Error);
        foreach (var unknown in new[] { "xyz", "../profile", "*", "0123456789abcdef0" })
        {
            Assert.Equal(AdapterRegistryError.NotFound, Assert.Throws<AdapterRegistryException>(() => Registry.Get(unknown)).Error);
        }
    }

    [Fact]
    public void Nothing_stands_in_clear_on_disk()
    {
        var adapter = AdapterSamples.Create();
        Registry.Promote(Registry.Add(adapter, Provenance).Id);
        var weights = new byte[16];
        Buffer.BlockCopy(adapter.Pairs[0].A, 0, weights, 0, weights.Length);
        var files = Directory.GetFiles(_folder["profile/adapters"]);
        Assert.Equal(2, files.Length);
        foreach (var bytes in files.Select(File.ReadAllBytes))
        {
            Assert.Equal(-1, bytes.AsSpan().IndexOf(weights));
            Assert.Equal(-1, bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes(AdapterSamples.Fingerprint)));
            Assert.Equal(-1, bytes.AsSpan().IndexOf("q_proj"u8));
        }
    }

    [Fact]
    public void A_changed_adapter_is_named_not_promoted_and_can_be_removed()
    {
        var whole = Registry.Add(AdapterSamples.Create(1), Provenance).Id;
        var damaged = Registry.Add(AdapterSamples.Create(2), Provenance).Id;
        Flip(damaged, ^1);
        var thrown = Assert.Throws<StoreIntegrityException>(() => Registry.Load(damaged));
        Assert.Equal((damaged, StoreIntegrityError.NotAuthentic), (thrown.Row, thrown.Error));
        Assert.Throws<StoreIntegrityException>(() => Registry.Promote(damaged));
        Assert.Throws<StoreIntegrityException>(() => Registry.List());
        Assert.Null(Registry.GetPromoted());
        Registry.Remove(damaged);
        Assert.Equal(whole, Assert.Single(Registry.List()).Id);
    }

    [Fact]
    public void An_adapter_under_anothers_name_or_from_another_profile_is_refused()
    {
        var first = Registry.Add(AdapterSamples.Create(1), Provenance).Id;
        var second = Registry.Add(AdapterSamples.Create(2), Provenance).Id;
        File.Copy(PathOf(first), PathOf(second), overwrite: true);
        Assert.Throws<StoreIntegrityException>(() => Registry.Load(second));

        using var other = Profile.Open(_folder["other"]);
        var foreign = other.Adapters.Add(AdapterSamples.Create(3), Provenance).Id;
        File.Copy(_folder[$"other/adapters/{foreign}.adapter"], PathOf(foreign));
        Assert.Throws<StoreIntegrityException>(() => Registry.Load(foreign));
    }

    [Fact]
    public void A_changed_state_is_refused_and_a_write_cut_short_is_swept_away()
    {
        var id = Registry.Add(AdapterSamples.Create(), Provenance).Id;
        Registry.Promote(id);
        Reopen(close: true);
        var state = _folder["profile/adapters/registry.state"];
        File.Copy(state, $"{state}.1234{DurableFile.TemporaryExtension}");
        Assert.Equal(id, Registry.GetPromoted()!.Id);
        Assert.Empty(Directory.GetFiles(_folder["profile/adapters"], "*" + DurableFile.TemporaryExtension));
        var bytes = File.ReadAllBytes(state);
        bytes[^20] ^= 1;
        File.WriteAllBytes(state, bytes);
        Assert.Throws<StoreIntegrityException>(() => Registry.GetPromoted());
    }

    [Fact]
    public void The_adapter_in_use_being_gone_is_said_and_can_be_rolled_back()
    {
        var id = Registry.Add(AdapterSamples.Create(), Provenance).Id;
        Registry.Promote(id);
        File.Delete(PathOf(id));
        Assert.Equal(StoreIntegrityError.FileMissing, Assert.Throws<StoreIntegrityException>(() => Registry.GetPromoted()).Error);
        Assert.Null(Registry.Rollback());
        Assert.Null(Registry.GetPromoted());
    }

    [Fact]
    public void Reading_changes_nothing()
    {
        var id = Registry.Add(AdapterSamples.Create(), Provenance).Id;
        using var reader = Profile.Open(_folder["profile"], new ProfileOptions { OpenForReading = true });
        Assert.Equal(id, Assert.Single(reader.Adapters.List()).Id);
        foreach (var change in new Action[] { () => reader.Adapters.Promote(id), () => reader.Adapters.Rollback(), () => reader.Adapters.Remove(id), () => reader.Adapters.Add(AdapterSamples.Create(), Provenance) })
        {
            Assert.Equal(ProfileAccessError.OpenedForReading, Assert.Throws<ProfileAccessException>(change).Error);
        }
    }

    [Fact]
    public void What_is_not_finite_or_of_another_rank_is_not_taken()
    {
        var adapter = AdapterSamples.Create();
        adapter.Pairs[3].A[0] = float.NaN;
        Assert.Throws<ArgumentException>(() => Registry.Add(adapter, Provenance));
        var good = AdapterSamples.Create();
        Assert.Throws<ArgumentException>(() => Registry.Add(new LoraAdapter(good.Configuration with { Rank = 1 }, good.BaseFingerprint, good.Pairs), Provenance));
        Assert.Empty(Registry.List());
    }

    [Fact]
    public void An_interaction_outside_the_range_was_not_trained_on()
    {
        Assert.Equal([false, true, true, false], new long[] { 3, 4, 312, 313 }.Select(Provenance.TrainedOn!.MayContain));
        Assert.False(new AdapterTrainingRange(0, 0, 0).MayContain(0));
    }

    [Fact]
    public void Two_adapters_are_compared_by_id()
    {
        var first = Registry.Add(AdapterSamples.Create(1), Provenance).Id;
        var second = Registry.Add(AdapterSamples.Create(2), Provenance).Id;
        Assert.Equal(AdapterDifference.Compare(AdapterSamples.Create(1), AdapterSamples.Create(2)), Registry.Diff(first, second));
    }

    private string PathOf(string id) => _folder[$"profile/adapters/{id}.adapter"];

    private void Flip(string id, Index at)
    {
        var bytes = File.ReadAllBytes(PathOf(id));
        bytes[at] ^= 1;
        File.WriteAllBytes(PathOf(id), bytes);
    }

    private void Reopen(bool close = false)
    {
        _profile?.Dispose();
        _profile = null;
        _ = close ? null : Registry;
    }

    /// <summary>A second later at every look, so that the order of adding is the order of times.</summary>
    private sealed class SteppingClock : TimeProvider
    {
        private long _seconds = 1_700_000_000;

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeSeconds(_seconds++);
    }
}
