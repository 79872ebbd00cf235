using System.Text;
using Personalize.Core.Errors;
using Personalize.Core.Security;

namespace Personalize.Core.Tests.Security;

public sealed class DurableFileTests : IDisposable
{
    private const int NoSpaceUnix = 28;
    private const int DiskFullWindows = 112;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_full_disk_leaves_the_old_file_and_says_so()
    {
        DurableFile.Write(_folder["f"], stream => stream.Write("old"u8));
        foreach (var code in new[] { NoSpaceUnix, DiskFullWindows })
        {
            var thrown = Assert.Throws<ProfileAccessException>(() => DurableFile.Write(_folder["f"], stream =>
            {
                stream.Write("new"u8);
                throw new IOException("full", code);
            }));
            Assert.Equal((ProfileAccessError.DiskFull, _folder["f"]), (thrown.Error, thrown.Path));
        }

        Assert.Equal("old", File.ReadAllText(_folder["f"], Encoding.UTF8));
        Assert.Single(Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void A_device_without_space_is_told_from_other_faults()
    {
        if (!File.Exists("/dev/full"))
        {
            return;
        }

        using var full = new FileStream("/dev/full", FileMode.Open, FileAccess.Write, FileShare.None, bufferSize: 0);
        var thrown = Assert.ThrowsAny<IOException>(() => full.Write("x"u8));
        Assert.Equal(ProfileAccessError.DiskFull, FileSystemFaults.Translate("f", thrown, writing: true).Error);
    }

    [Fact]
    public void A_folder_is_replaced_as_a_whole_or_not_at_all()
    {
        DurableDirectory.Write(_folder["d"], temporary => File.WriteAllText(Path.Combine(temporary, "a"), "1"));
        Assert.Throws<InvalidDataException>(() => DurableDirectory.Write(_folder["d"], temporary =>
        {
            File.WriteAllText(Path.Combine(temporary, "b"), "2");
            throw new InvalidDataException();
        }));
        Assert.Equal([_folder["d/a"]], Directory.GetFiles(_folder.Path, "*", SearchOption.AllDirectories));
        DurableDirectory.Write(_folder["d"], temporary => File.WriteAllText(Path.Combine(temporary, "b"), "2"));
        Assert.Equal([_folder["d/b"]], Directory.GetFiles(_folder.Path, "*", SearchOption.AllDirectories));
        Assert.Single(Directory.GetFileSystemEntries(_folder.Path));
    }
}
