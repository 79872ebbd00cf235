using Personalize.Core.Errors;
using Personalize.Core.Profiles;
using Personalize.Core.Security;

namespace Personalize.Core.Tests.Profiles;

public sealed class ConversationArchiveTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_written_is_read_listed_replaced_and_deleted()
    {
        using var profile = Profile.Open(_folder["profile"]);
        var archive = profile.Conversations;
        Assert.Empty(archive.List());
        Assert.Null(archive.OpenRead("b"));

        archive.Write("b", stream => stream.Write([1, 2, 3]));
        archive.Write("A-2_", stream => stream.Write([4]));
        archive.Write("b", stream => stream.Write([5, 6]));

        Assert.Equal(["A-2_", "b"], archive.List());
        Assert.Equal([5, 6], Content(archive, "b"));
        Assert.True(archive.Contains("b"));
        Assert.True(archive.Delete("b"));
        Assert.False(archive.Delete("b"));
        Assert.False(archive.Contains("b"));
        Assert.Equal(["A-2_"], archive.List());
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(DurableFile.OwnerOnlyFile, File.GetUnixFileMode(Path.Combine(profile.DirectoryPath, "conversations", "A-2_.conversation")));
        }
    }

    [Fact]
    public void A_write_that_fails_leaves_what_was_there()
    {
        using var profile = Profile.Open(_folder["profile"]);
        profile.Conversations.Write("a", stream => stream.Write([1]));

        Assert.Throws<FormatException>(() => profile.Conversations.Write("a", stream =>
        {
            stream.Write([2]);
            throw new FormatException();
        }));

        Assert.Equal([1], Content(profile.Conversations, "a"));
        Assert.Single(Directory.GetFiles(Path.Combine(profile.DirectoryPath, "conversations")));
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("../profile")]
    [InlineData("a/b")]
    [InlineData("a b")]
    [InlineData("ä")]
    [InlineData("12345678901234567890123456789012345678901234567890123456789012345")]
    public void A_name_that_could_lead_elsewhere_is_refused(string name)
    {
        using var profile = Profile.Open(_folder["profile"]);

        Assert.Throws<ArgumentException>(() => profile.Conversations.Write(name, _ => { }));
        Assert.Throws<ArgumentException>(() => profile.Conversations.OpenRead(name));
        Assert.Throws<ArgumentException>(() => profile.Conversations.Contains(name));
        Assert.Throws<ArgumentException>(() => profile.Conversations.Delete(name));
    }

    [Fact]
    public void A_profile_that_is_open_for_reading_reads_and_does_not_write()
    {
        using (var profile = Profile.Open(_folder["profile"]))
        {
            profile.Conversations.Write("a", stream => stream.Write([7]));
        }

        using var reader = Profile.Open(_folder["profile"], new ProfileOptions { OpenForReading = true });
        Assert.Equal([7], Content(reader.Conversations, "a"));
        Assert.Equal(ProfileAccessError.OpenedForReading, Assert.Throws<ProfileAccessException>(() => reader.Conversations.Write("b", _ => { })).Error);
        Assert.Throws<ProfileAccessException>(() => reader.Conversations.Delete("a"));

        Directory.Delete(Path.Combine(reader.DirectoryPath, "conversations"), recursive: true);
        Assert.Empty(reader.Conversations.List());
        Assert.False(reader.Conversations.Contains("a"));
    }

    [Fact]
    public void Another_purposes_key_does_not_open_it()
    {
        using var profile = Profile.Open(_folder["profile"]);
        profile.Conversations.Write("a", stream => stream.Write([7]));
        using var box = profile.CreateBox(KeyPurpose.Adapters);
        var path = Path.Combine(profile.DirectoryPath, "conversations", "a.conversation");

        Assert.Equal(StoreIntegrityError.NotAuthentic, Assert.Throws<StoreIntegrityException>(() => SealedFile.OpenRead(path, box, new SealContext("conversations", "a", "conversation", 1))).Error);
    }

    private static byte[] Content(ConversationArchive archive, string name)
    {
        using var stream = archive.OpenRead(name)!;
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }
}
