using Personalize.Core.Errors;
using Personalize.Core.Profiles;
using Personalize.Core.Security;

namespace Personalize.Core.Tests.Profiles;

public sealed class CheckpointFolderTests : IDisposable
{
    private static readonly ProfileOptions ForReading = new() { OpenForReading = true };

    private readonly TemporaryFolder _folder = new();

    public CheckpointFolderTests() => Profile.Open(Path).Dispose();

    private string Path => _folder["profile"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_written_comes_back_sealed_and_outlives_the_profile()
    {
        using var folder = Open();
        folder.Write("a.1.checkpoint", stream => stream.Write("state"u8));
        folder.Write("a.1.checkpoint", stream => stream.Write("later state"u8));
        folder.Write("b.job", stream => stream.Write("plan"u8));
        Assert.Equal(["a.1.checkpoint"], folder.Names(".checkpoint"));
        Assert.Equal("later state", Read(folder, "a.1.checkpoint"));
        var bytes = File.ReadAllBytes(folder.PathOf("a.1.checkpoint"));
        Assert.Equal(-1, bytes.AsSpan().IndexOf("state"u8));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(DurableFile.OwnerOnlyFile, File.GetUnixFileMode(folder.PathOf("a.1.checkpoint")));
        }

        folder.Delete("a.1.checkpoint");
        folder.Delete("a.1.checkpoint");
        Assert.Empty(folder.Names(".checkpoint"));
    }

    [Fact]
    public void One_trains_at_a_time_and_others_record_beside_it()
    {
        using (var folder = Open())
        {
            Assert.Throws<ProfileLockedException>(Open);
            folder.Write("a.job", stream =>
            {
                // A writer that opens the profile tidies up, but not what is being written here.
                Profile.Open(Path).Dispose();
                stream.Write("x"u8);
            });
            Assert.Equal("x", Read(folder, "a.job"));
        }

        Open().Dispose();
    }

    [Fact]
    public void Remains_of_a_write_that_was_cut_short_are_removed_by_the_next_one_that_trains()
    {
        var remains = System.IO.Path.Combine(Path, "checkpoints", "a.job.0123" + DurableFile.TemporaryExtension);
        File.WriteAllText(remains, "half");
        Open().Dispose();
        Assert.False(File.Exists(remains));
    }

    [Fact]
    public void Every_changed_bit_and_every_cut_is_detected()
    {
        using var folder = Open();
        folder.Write("a.job", stream => stream.Write("plan"u8));
        var path = folder.PathOf("a.job");
        var whole = File.ReadAllBytes(path);
        for (var bit = 0; bit < whole.Length * 8; bit++)
        {
            var changed = (byte[])whole.Clone();
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            File.WriteAllBytes(path, changed);
            Assert.True(Record.Exception(() => Read(folder, "a.job")) is StoreIntegrityException or ProfileVersionException, $"bit {bit}");
        }

        for (var length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(path, whole[..length]);
            Assert.Throws<StoreIntegrityException>(() => Read(folder, "a.job"));
        }
    }

    [Fact]
    public void A_file_under_another_name_or_in_another_profile_does_not_open()
    {
        using var folder = Open();
        folder.Write("a.1.checkpoint", stream => stream.Write("x"u8));
        File.Copy(folder.PathOf("a.1.checkpoint"), folder.PathOf("a.2.checkpoint"));
        Assert.Equal(StoreIntegrityError.NotAuthentic, Assert.Throws<StoreIntegrityException>(() => Read(folder, "a.2.checkpoint")).Error);
        Assert.Throws<ProfileAccessException>(() => Read(folder, "a.3.checkpoint"));

        using var other = Profile.Open(_folder["other"]);
        using var foreign = other.OpenCheckpoints();
        File.Copy(folder.PathOf("a.1.checkpoint"), foreign.PathOf("a.1.checkpoint"));
        Assert.Throws<StoreIntegrityException>(() => Read(foreign, "a.1.checkpoint"));
    }

    [Theory]
    [InlineData("../a.job")]
    [InlineData("a/b")]
    [InlineData("A.job")]
    [InlineData(".job")]
    [InlineData("")]
    public void A_name_stays_in_the_folder(string name)
    {
        using var folder = Open();
        Assert.ThrowsAny<ArgumentException>(() => folder.Write(name, _ => { }));
    }

    [Fact]
    public void A_write_that_fails_leaves_what_was_there()
    {
        using var folder = Open();
        folder.Write("a.job", stream => stream.Write("good"u8));
        Assert.Equal(ProfileAccessError.DeviceFailed, Assert.Throws<ProfileAccessException>(() => folder.Write("a.job", _ => throw new IOException("broken"))).Error);
        Assert.Equal(ProfileAccessError.DiskFull, Assert.Throws<ProfileAccessException>(() => folder.Write("a.job", _ => throw new IOException("full", 28))).Error);
        Assert.Equal("good", Read(folder, "a.job"));
        Assert.Equal(2, Directory.GetFiles(System.IO.Path.Combine(Path, "checkpoints")).Length);
    }

    private CheckpointFolder Open()
    {
        using var profile = Profile.Open(Path, ForReading);
        return profile.OpenCheckpoints();
    }

    private static string Read(CheckpointFolder folder, string name)
    {
        using var reader = new StreamReader(folder.OpenRead(name));
        return reader.ReadToEnd();
    }
}
