using Personalize.Core.Adapters;
using Personalize.Core.Errors;
using Personalize.Core.Interactions;
using Personalize.Core.Profiles;
using Personalize.Core.Security;

namespace Personalize.Core.Tests.Profiles;

public sealed class KeyRotationTests : IDisposable
{
    private static readonly string[] Steps = ["added", "anchored", "erased", "store", "files", "retired"];

    private readonly TemporaryFolder _folder = new();

    private string Path => _folder["profile"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Everything_reads_the_same_under_another_key()
    {
        using var profile = Filled();
        var (before, key) = (ProfileContent.Of(profile), profile.KeyId);
        profile.RotateKey();
        Assert.NotEqual(key, profile.KeyId);
        Assert.Equal(profile.KeyId, profile.Interactions.GetStatus().KeyId);
        Assert.Equal(before, ProfileContent.Of(profile));
        Assert.True(profile.Interactions.Verify().IsClean);
        Assert.False(profile.Interactions.GetStatus().IsKeyChangePending);
        profile.Interactions.Append(Sample("after"));
        Assert.Throws<InvalidInteractionException>(() => profile.Interactions.Append(Sample("again", "7")));
        AssertNowhere(Convert.FromHexString(key));
        profile.Dispose();
        using var again = Profile.Open(Path);
        Assert.Equal(before.Count + 1, ProfileContent.Of(again).Count);
    }

    [Fact]
    public void A_change_cut_short_at_any_step_loses_nothing_and_can_be_completed()
    {
        foreach (var step in Steps)
        {
            var path = _folder[step];
            IReadOnlyList<string> before;
            using (var profile = Filled(path))
            {
                before = ProfileContent.Of(profile);
                profile.RotationStep = reached => _ = reached == step ? throw new InvalidDataException() : true;
                Assert.Throws<InvalidDataException>(profile.RotateKey);
            }

            using (var reader = Profile.Open(path, new ProfileOptions { OpenForReading = true }))
            {
                Assert.Equal(before, ProfileContent.Of(reader));
                Assert.True(reader.Interactions.Verify().IsClean, step);
                Assert.Equal(step != "retired", reader.Interactions.GetStatus().IsKeyChangePending);
            }

            using var writer = Profile.Open(path);
            Assert.Equal(before, ProfileContent.Of(writer));
            writer.Interactions.Append(Sample("meanwhile"));
            writer.RotateKey();
            Assert.Equal(before.Count + 1, ProfileContent.Of(writer).Count);
            Assert.True(writer.Interactions.Verify().IsClean);
            Assert.False(writer.Interactions.GetStatus().IsKeyChangePending);
        }
    }

    [Fact]
    public void An_erasure_killed_after_the_rows_are_gone_shows_that_the_old_key_is_still_there()
    {
        string key;
        using (var profile = Filled())
        {
            key = profile.KeyId;
            profile.RotationStep = reached => _ = reached == "erased" ? throw new InvalidDataException() : true;
            Assert.Throws<InvalidDataException>(() => profile.Erase([1]));
        }

        using var again = Profile.Open(Path);
        Assert.Equal(["second"], again.Interactions.ReadAll().Select(read => read.Text));
        Assert.True(again.Interactions.GetStatus().IsKeyChangePending);
        Assert.Equal(0, again.Erase([1]));
        Assert.False(again.Interactions.GetStatus().IsKeyChangePending);
        AssertNowhere(Convert.FromHexString(key));
        Assert.Equal(1, again.Erase(null));
        Assert.Equal(0, again.Interactions.Count);
        Assert.True(again.Interactions.Verify().IsClean);
    }

    [Fact]
    public void A_profile_copied_to_another_place_opens_there_with_all_that_it_holds()
    {
        IReadOnlyList<string> before;
        using (var profile = Filled())
        {
            before = ProfileContent.Of(profile);
        }

        Directory.Move(Path, _folder["elsewhere"]);
        using var moved = Profile.Open(_folder["elsewhere"]);
        Assert.Equal(before, ProfileContent.Of(moved));
        Assert.True(moved.Interactions.Verify().IsClean);
    }

    [Fact]
    public void An_earlier_description_does_not_open_with_the_key_file_of_after()
    {
        Filled().Dispose();
        File.Copy(System.IO.Path.Combine(Path, "profile.json"), _folder["old.json"]);
        using (var profile = Profile.Open(Path))
        {
            profile.RotateKey();
        }

        File.Copy(_folder["old.json"], System.IO.Path.Combine(Path, "profile.json"), overwrite: true);
        Assert.Equal(StoreKeyError.WrongKey, Assert.Throws<StoreKeyException>(() => Profile.Open(Path)).Error);
    }

    [Fact]
    public void An_erased_row_put_back_after_a_change_of_the_key_does_not_open()
    {
        var database = System.IO.Path.Combine(Path, "interactions.db");
        using (var profile = Filled())
        {
            profile.Interactions.Append(Sample("a secret", "99"));
        }

        var copy = _folder["before.db"];
        File.Copy(database, copy);
        using (var profile = Profile.Open(Path))
        {
            profile.Interactions.Erase(3);
            profile.RotateKey();
        }

        using (var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={database};Pooling=False"))
        {
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = $"ATTACH '{copy}' AS before; INSERT INTO interactions SELECT * FROM before.interactions WHERE id = 3";
            command.ExecuteNonQuery();
        }

        using var again = Profile.Open(Path);
        var found = again.Interactions.Verify();
        Assert.Equal([3], found.Corrupt);
        Assert.Equal(2, again.Interactions.ReadIntact().Count());
    }

    [Fact]
    public void A_passphrase_comes_and_goes()
    {
        using (var profile = Filled())
        {
            profile.ChangePassphrase("first");
            Assert.False(File.Exists(System.IO.Path.Combine(Path, "profile.key")));
            Assert.Equal(2, profile.Interactions.ReadAll().Count());
        }

        Assert.Equal(StoreKeyError.PassphraseRequired, Assert.Throws<StoreKeyException>(() => Profile.Open(Path)).Error);
        using (var profile = Profile.Open(Path, new ProfileOptions { Passphrase = "first" }))
        {
            profile.ChangePassphrase("second");
            profile.RotateKey();
        }

        Assert.Equal(StoreKeyError.WrongKey, Assert.Throws<StoreKeyException>(() => Profile.Open(Path, new ProfileOptions { Passphrase = "first" })).Error);
        using (var profile = Profile.Open(Path, new ProfileOptions { Passphrase = "second" }))
        {
            profile.ChangePassphrase(null);
        }

        using var last = Profile.Open(Path);
        Assert.True(last.Interactions.Verify().IsClean);
        Assert.Throws<ArgumentException>(() => last.ChangePassphrase(""));
    }

    [Fact]
    public void An_apps_own_protector_keeps_its_secret()
    {
        var options = new ProfileOptions { KeyProtector = new SecretOfTheApp() };
        using (var profile = Profile.Open(Path, options))
        {
            profile.Interactions.Consent.Give("app");
            profile.Interactions.Append(Sample("a"));
            profile.RotateKey();
        }

        using var again = Profile.Open(Path, options);
        Assert.Single(again.Interactions.ReadAll());
        Assert.Equal(StoreKeyError.OtherProtector, Assert.Throws<StoreKeyException>(() => Profile.Open(Path, new ProfileOptions { OpenForReading = true })).Error);
    }

    [Fact]
    public void A_damaged_file_stops_the_change_and_is_named_and_nothing_is_lost()
    {
        using var profile = Filled();
        var damaged = System.IO.Path.Combine(Path, "conversations", "one.conversation");
        var whole = File.ReadAllBytes(damaged);
        var bytes = (byte[])whole.Clone();
        bytes[^1] ^= 1;
        File.WriteAllBytes(damaged, bytes);
        Assert.Equal(damaged, Assert.Throws<StoreIntegrityException>(profile.RotateKey).Path);
        Assert.True(profile.Interactions.GetStatus().IsKeyChangePending);
        Assert.True(profile.Interactions.Verify().IsClean);
        File.WriteAllBytes(damaged, whole);
        var before = ProfileContent.Of(profile);
        profile.RotateKey();
        Assert.Equal(before, ProfileContent.Of(profile));
        Assert.False(profile.Interactions.GetStatus().IsKeyChangePending);
    }

    [Fact]
    public void A_key_is_not_changed_while_a_job_trains_or_where_only_reading_is_allowed()
    {
        using var profile = Filled();
        using (profile.OpenCheckpoints())
        {
            Assert.Throws<ProfileLockedException>(profile.RotateKey);
        }

        using var reader = Profile.Open(Path, new ProfileOptions { OpenForReading = true });
        Assert.Equal(ProfileAccessError.OpenedForReading, Assert.Throws<ProfileAccessException>(reader.RotateKey).Error);
    }

    [Fact]
    public void A_used_up_key_is_refused_also_after_reopening_and_another_takes_over()
    {
        var options = new ProfileOptions { SealLimit = 20 };
        using (var profile = Profile.Open(Path, options))
        {
            profile.Interactions.Consent.Give("app");
            Assert.Equal(StoreKeyError.KeyExhausted, Assert.Throws<StoreKeyException>(() =>
            {
                for (var i = 0; i < 30; i++)
                {
                    profile.Interactions.Append(Sample($"text {i}"));
                }
            }).Error);
        }

        using (var profile = Profile.Open(Path, options))
        {
            var count = profile.Interactions.Count;
            Assert.InRange(count, 5, 10);
            Assert.Throws<StoreKeyException>(() => profile.Interactions.Append(Sample("one more")));
            Assert.True(profile.Interactions.Verify().IsClean);
            profile.RotateKey();
            profile.Interactions.Append(Sample("one more"));
            Assert.Equal(count + 1, profile.Interactions.Count);
        }
    }

    [Fact]
    public void A_destroyed_profile_leaves_no_file()
    {
        Filled().Dispose();
        Profile.Destroy(Path);
        Assert.False(Profile.Exists(Path));
        Assert.Empty(Directory.GetFiles(Path, "*", SearchOption.AllDirectories));
        Assert.Equal(ProfileAccessError.NotFound, Assert.Throws<ProfileAccessException>(() => Profile.Destroy(Path)).Error);
        using var fresh = Profile.Open(Path);
        Assert.Equal(0, fresh.Interactions.Count);
    }

    private Profile Filled(string? path = null)
    {
        var profile = Profile.Open(path ?? Path);
        profile.Interactions.Consent.Give("app");
        profile.Interactions.AppendMany([Sample("first", "7"), Sample("second")]);
        profile.Conversations.Write("one", stream => stream.Write("what was said"u8));
        var adapter = profile.Adapters.Add(new LoraAdapter(new LoraConfiguration(1, 1, false, [LinearModule.Query]), new string('a', 64), [new LoraPair(0, LinearModule.Query, 1, [1, 2], [3, 4])]), new AdapterProvenance());
        profile.Adapters.Promote(adapter.Id);
        using var checkpoints = profile.OpenCheckpoints();
        checkpoints.Write("note.state", stream => stream.Write("a state"u8));
        return profile;
    }

    private void AssertNowhere(byte[] keyId)
    {
        foreach (var file in Directory.GetFiles(Path, "*", SearchOption.AllDirectories).Where(file => !file.EndsWith(".lock", StringComparison.Ordinal)))
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            var bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            Assert.True(bytes.AsSpan().IndexOf(keyId) < 0, file);
            Assert.True(bytes.AsSpan().IndexOf(System.Text.Encoding.ASCII.GetBytes(Convert.ToHexStringLower(keyId))) < 0, file);
        }
    }

    private static Interaction Sample(string text, string? id = null) => new(0, id, DateTimeOffset.UnixEpoch, "app", "", text);

    private sealed class SecretOfTheApp : IKeyProtector
    {
        public string Kind => "app";

        public byte[] Wrap(ReadOnlySpan<byte> key, ReadOnlySpan<byte> associatedData) => [.. key.ToArray().Select(value => (byte)(value ^ 0x5a))];

        public void Unwrap(ReadOnlySpan<byte> wrapped, ReadOnlySpan<byte> associatedData, Span<byte> key)
        {
            for (var i = 0; i < key.Length; i++)
            {
                key[i] = (byte)(wrapped[i] ^ 0x5a);
            }
        }
    }
}
