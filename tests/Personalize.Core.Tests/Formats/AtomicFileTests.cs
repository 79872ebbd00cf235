using Personalize.Core.Formats;

namespace Personalize.Core.Tests.Formats;

public sealed class AtomicFileTests
{
    [Fact]
    public void Content_replaces_content_and_nothing_else_stays()
    {
        using var folder = new TemporaryFolder();
        folder.Write("target", [1, 2, 3]);

        AtomicFile.Write(folder.PathOf("target"), stream => stream.Write([4, 5]));

        Assert.Equal([4, 5], File.ReadAllBytes(folder.PathOf("target")));
        Assert.Single(Directory.GetFileSystemEntries(folder.Root));
    }

    [Fact]
    public void A_failure_leaves_the_old_content_alone()
    {
        using var folder = new TemporaryFolder();
        folder.Write("target", [1, 2, 3]);

        Assert.Throws<InvalidDataException>(() => AtomicFile.Write(folder.PathOf("target"), stream =>
        {
            stream.Write(new byte[100_000]);
            throw new InvalidDataException();
        }));

        Assert.Equal([1, 2, 3], File.ReadAllBytes(folder.PathOf("target")));
        Assert.Single(Directory.GetFileSystemEntries(folder.Root));
    }

    [Fact]
    public void The_old_content_stands_until_the_new_is_complete()
    {
        using var folder = new TemporaryFolder();
        folder.Write("target", [1, 2, 3]);

        AtomicFile.Write(folder.PathOf("target"), stream =>
        {
            stream.Write([4, 5]);
            stream.Flush();
            Assert.Equal([1, 2, 3], File.ReadAllBytes(folder.PathOf("target")));
        });
    }

    [Fact]
    public void Only_the_owner_may_read()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        using var folder = new TemporaryFolder();

        AtomicFile.Write(folder.PathOf("target"), stream => stream.Write([1]));

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(folder.PathOf("target")));
    }

    [Fact]
    public void A_missing_folder_is_an_input_output_error()
    {
        using var folder = new TemporaryFolder();

        Assert.ThrowsAny<IOException>(() => AtomicFile.Write(folder.PathOf("none/target"), stream => stream.Write([1])));
    }
}
