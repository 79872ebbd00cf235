using Personalize.Core.Errors;
using Personalize.Core.Interactions;
using Personalize.Core.Profiles;
using Personalize.Core.Security;

namespace Personalize.Core.Tests.Profiles;

public sealed class ProfileTests : IDisposable
{
    private static readonly ProfileOptions ForReading = new() { OpenForReading = true };

    private readonly TemporaryFolder _folder = new();

    private string Path => _folder["profile"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_stored_is_there_when_opened_again()
    {
        long id;
        using (var profile = Profile.Open(Path))
        {
            profile.Interactions.Consent.Give("app");
            id = profile.Interactions.Append(Sample("hello"));
        }

        using var again = Profile.Open(Path);
        Assert.Equal("hello", again.Interactions.Get(id)!.Text);
    }

    [Fact]
    public void Folders_and_files_are_the_owners_alone()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        using var profile = Profile.Open(Path);
        profile.Interactions.Consent.Give("app");
        foreach (var directory in Directory.GetDirectories(Path).Append(Path))
        {
            Assert.Equal(DurableFile.OwnerOnlyDirectory, File.GetUnixFileMode(directory));
        }

        var files = Directory.GetFiles(Path);
        Assert.Contains(files, file => file.EndsWith("-wal", StringComparison.Ordinal));
        foreach (var file in files)
        {
            Assert.Equal(DurableFile.OwnerOnlyFile, File.GetUnixFileMode(file));
        }
    }

    [Fact]
    public void One_writes_and_others_read()
    {
        using (var writer = Profile.Open(Path))
        {
            writer.Interactions.Consent.Give("app");
            writer.Interactions.Append(Sample("first"));
            Assert.Throws<ProfileLockedException>(() => Profile.Open(Path));
            using var reader = Profile.Open(Path, ForReading);
            Assert.True(reader.IsReadOnly);
            Assert.Equal("first", Assert.Single(reader.Interactions.ReadAll()).Text);
            writer.Interactions.Append(Sample("second"));
            Assert.Equal(2, reader.Interactions.Count);
            Assert.Equal(ProfileAccessError.OpenedForReading, Assert.Throws<ProfileAccessException>(() => reader.Interactions.Append(Sample("third"))).Error);
            Assert.Equal(ProfileAccessError.OpenedForReading, Assert.Throws<ProfileAccessException>(() => reader.Interactions.EraseAll()).Error);
            Assert.Throws<ProfileAccessException>(() => reader.Interactions.Consent.Withdraw("app"));
        }

        using var next = Profile.Open(Path);
        Assert.Equal(2, next.Interactions.Count);
    }

    [Fact]
    public void Reading_needs_no_writer()
    {
        using (var writer = Profile.Open(Path))
        {
            writer.Interactions.Consent.Give("app");
            writer.Interactions.Append(Sample("first"));
        }

        using var reader = Profile.Open(Path, ForReading);
        Assert.Single(reader.Interactions.ReadAll());
        Assert.True(reader.Interactions.Verify().IsClean);
    }

    [Fact]
    public void Reading_where_nothing_is_creates_nothing()
    {
        Assert.Equal(ProfileAccessError.NotFound, Assert.Throws<ProfileAccessException>(() => Profile.Open(Path, ForReading)).Error);
        Assert.False(Directory.Exists(Path));
    }

    [Fact]
    public void A_passphrase_is_needed_and_must_be_right()
    {
        var right = new ProfileOptions { Passphrase = "right" };
        using (var profile = Profile.Open(Path, right))
        {
            profile.Interactions.Consent.Give("app");
            profile.Interactions.Append(Sample("hello"));
            Assert.False(File.Exists(_folder["profile/profile.key"]));
        }

        Assert.Equal(StoreKeyError.WrongKey, Assert.Throws<StoreKeyException>(() => Profile.Open(Path, new ProfileOptions { Passphrase = "wrong" })).Error);
        Assert.Equal(StoreKeyError.PassphraseRequired, Assert.Throws<StoreKeyException>(() => Profile.Open(Path)).Error);
        using var again = Profile.Open(Path, right);
        Assert.Single(again.Interactions.ReadAll());
    }

    [Fact]
    public void A_passphrase_does_not_open_a_profile_with_a_key_file()
    {
        Profile.Open(Path).Dispose();
        Assert.Equal(StoreKeyError.OtherProtector, Assert.Throws<StoreKeyException>(() => Profile.Open(Path, new ProfileOptions { Passphrase = "any" })).Error);
    }

    [Fact]
    public void A_lost_or_exchanged_key_file_says_so()
    {
        Profile.Open(Path).Dispose();
        File.Delete(_folder["profile/profile.key"]);
        Assert.Equal(StoreKeyError.KeyFileMissing, Assert.Throws<StoreKeyException>(() => Profile.Open(Path)).Error);
        new FileKeyProtector(_folder["profile/profile.key"]).CreateIfMissing();
        Assert.Equal(StoreKeyError.WrongKey, Assert.Throws<StoreKeyException>(() => Profile.Open(Path)).Error);
    }

    [Fact]
    public void A_changed_commitment_is_refused()
    {
        Profile.Open(Path).Dispose();
        var file = _folder["profile/profile.json"];
        var header = ProfileHeader.Read(file);
        (header with { Commitment = new byte[ProfileKey.CommitmentSize] }).Write(file);
        Assert.Equal(StoreKeyError.WrongKey, Assert.Throws<StoreKeyException>(() => Profile.Open(Path)).Error);
        (header with { StoreId = Guid.NewGuid() }).Write(file);
        Assert.Equal(StoreKeyError.WrongKey, Assert.Throws<StoreKeyException>(() => Profile.Open(Path)).Error);
    }

    [Fact]
    public void A_newer_version_is_refused_and_not_touched()
    {
        Profile.Open(Path).Dispose();
        var file = _folder["profile/profile.json"];
        var newer = File.ReadAllText(file).Replace("\"version\": 2", "\"version\": 3", StringComparison.Ordinal);
        File.WriteAllText(file, newer);
        var thrown = Assert.Throws<ProfileVersionException>(() => Profile.Open(Path));
        Assert.Equal((3, 2), (thrown.Found, thrown.Supported));
        Assert.Equal(newer, File.ReadAllText(file));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"format":"personalize-profile","version":0}""")]
    [InlineData("""{"format":"personalize-profile","version":1,"version":1}""")]
    [InlineData("""{"format":"personalize-profile","version":1,"storeId":"x","key":{}}""")]
    [InlineData("""{"format":"personalize-profile","version":1,"storeId":"00000000000000000000000000000000","key":{"id":"00","protector":"file","wrapped":"","commitment":""}}""")]
    public void A_damaged_description_is_refused(string content)
    {
        Profile.Open(Path).Dispose();
        File.WriteAllText(_folder["profile/profile.json"], content);
        Assert.Equal(StoreIntegrityError.ProfileMalformed, Assert.Throws<StoreIntegrityException>(() => Profile.Open(Path)).Error);
    }

    [Fact]
    public void A_description_that_is_gone_is_not_made_anew_over_data()
    {
        Profile.Open(Path).Dispose();
        File.Delete(_folder["profile/profile.json"]);
        Assert.Equal(StoreIntegrityError.FileMissing, Assert.Throws<StoreIntegrityException>(() => Profile.Open(Path)).Error);
        Assert.True(File.Exists(_folder["profile/interactions.db"]));
    }

    [Fact]
    public void A_creation_that_was_cut_short_is_begun_again()
    {
        Profile.Open(Path).Dispose();
        File.Move(_folder["profile/profile.json"], _folder["profile/profile.creating"]);
        File.WriteAllText(_folder["profile/profile.json.00" + DurableFile.TemporaryExtension], "remains");
        using var profile = Profile.Open(Path);
        Assert.Equal(0, profile.Interactions.Count);
        Assert.False(File.Exists(_folder["profile/profile.creating"]));
        Assert.Empty(Directory.GetFiles(Path, "*" + DurableFile.TemporaryExtension));
    }

    [Fact]
    public void A_path_that_cannot_hold_a_profile_is_refused()
    {
        File.WriteAllText(_folder["file"], "");
        Assert.Equal(ProfileAccessError.NotADirectory, Assert.Throws<ProfileAccessException>(() => Profile.Open(_folder["file"])).Error);
        Assert.Throws<ProfileAccessException>(() => Profile.Open(_folder["file/below"]));
        if (OperatingSystem.IsLinux())
        {
            Assert.Equal(ProfileAccessError.NotWritable, Assert.Throws<ProfileAccessException>(() => Profile.Open("/proc/personalize")).Error);
        }
    }

    [Fact]
    public void A_folder_that_cannot_be_written_is_refused_and_left_alone()
    {
        if (OperatingSystem.IsWindows() || Environment.IsPrivilegedProcess)
        {
            // Modes do not bind the superuser; the folder below /proc above covers the same path.
            return;
        }

        Directory.CreateDirectory(Path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        Assert.Equal(ProfileAccessError.NotWritable, Assert.Throws<ProfileAccessException>(() => Profile.Open(Path)).Error);
        Assert.Empty(Directory.GetFileSystemEntries(Path));
    }

    [Fact]
    public void A_key_file_elsewhere_is_used()
    {
        var options = new ProfileOptions { KeyFile = _folder["elsewhere.key"] };
        Profile.Open(Path, options).Dispose();
        Assert.False(File.Exists(_folder["profile/profile.key"]));
        Profile.Open(Path, options).Dispose();
        Assert.Equal(StoreKeyError.KeyFileMissing, Assert.Throws<StoreKeyException>(() => Profile.Open(Path)).Error);
    }

    [Fact]
    public void A_closed_profile_hands_out_no_key()
    {
        var profile = Profile.Open(Path);
        profile.Dispose();
        profile.Dispose();
        Assert.Throws<ObjectDisposedException>(() => profile.CreateBox(KeyPurpose.Checkpoints));
        Assert.Throws<ObjectDisposedException>(() => profile.Interactions);
    }

    private static Interaction Sample(string text) => new(0, null, DateTimeOffset.UnixEpoch, "app", "", text);
}
