using Personalize.Core.Errors;
using Personalize.Core.Security;

namespace Personalize.Core.Tests.Security;

public sealed class SealedFileTests : IDisposable
{
    private static readonly SealContext Place = new("adapters", "a1", "adapter", 1);

    // Magic, purpose, key id, salt, layout, and the three names with their lengths.
    private static readonly int HeaderSize = 8 + 1 + 16 + 32 + 4 + (3 * 2) + Place.Table.Length + Place.Row.Length + Place.Column.Length;

    private readonly TemporaryFolder _folder = new();
    private readonly ProfileKey _key = ProfileKey.CreateRandom();
    private readonly SealedBox _box;

    public SealedFileTests() => _box = _key.CreateBox(KeyPurpose.Adapters, Guid.Empty, _folder.Path);

    public void Dispose()
    {
        _box.Dispose();
        _key.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(SealedFile.PartSize - 1)]
    [InlineData(SealedFile.PartSize)]
    [InlineData(SealedFile.PartSize + 1)]
    [InlineData((3 * SealedFile.PartSize) + 7)]
    public void Any_length_comes_back(int length)
    {
        var content = Write(length);
        Assert.Equal(content, Read());
    }

    [Fact]
    public void The_file_holds_nothing_in_clear()
    {
        SealedFile.Write(_folder["f"], _box, Place, stream => stream.Write("a sentence that is personal"u8));
        Assert.Equal(-1, File.ReadAllBytes(_folder["f"]).AsSpan().IndexOf("personal"u8));
    }

    [Fact]
    public void Cutting_between_parts_or_adding_is_noticed()
    {
        Write(2 * SealedFile.PartSize);
        var whole = File.ReadAllBytes(_folder["f"]);
        foreach (var length in new[] { SealedFile.Magic.Length, HeaderSize - 1, HeaderSize, HeaderSize + SealedFile.SealedPartSize, whole.Length - 1 })
        {
            File.WriteAllBytes(_folder["f"], whole[..length]);
            Assert.Throws<StoreIntegrityException>(Read);
        }

        File.WriteAllBytes(_folder["f"], whole[..(HeaderSize + SealedFile.SealedPartSize)]);
        Assert.Equal(StoreIntegrityError.Truncated, Assert.Throws<StoreIntegrityException>(Read).Error);
        File.WriteAllBytes(_folder["f"], [.. whole, 0]);
        Assert.Throws<StoreIntegrityException>(Read);
    }

    [Fact]
    public void Swapping_two_parts_is_noticed()
    {
        Write(3 * SealedFile.PartSize);
        var bytes = File.ReadAllBytes(_folder["f"]);
        var first = bytes.AsSpan(HeaderSize, SealedFile.SealedPartSize);
        var second = bytes.AsSpan(HeaderSize + SealedFile.SealedPartSize, SealedFile.SealedPartSize);
        var kept = first.ToArray();
        second.CopyTo(first);
        kept.CopyTo(second);
        File.WriteAllBytes(_folder["f"], bytes);
        Assert.Equal(StoreIntegrityError.NotAuthentic, Assert.Throws<StoreIntegrityException>(Read).Error);
    }

    [Fact]
    public void A_write_that_fails_leaves_the_old_file_and_no_remains()
    {
        var content = Write(100);
        Assert.Throws<InvalidDataException>(() => SealedFile.Write(_folder["f"], _box, Place, stream =>
        {
            stream.Write("half"u8);
            throw new InvalidDataException();
        }));
        Assert.Equal(content, Read());
        Assert.Single(Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void Another_file_or_a_newer_format_is_refused()
    {
        File.WriteAllText(_folder["f"], "not a sealed file");
        Assert.Equal(StoreIntegrityError.Malformed, Assert.Throws<StoreIntegrityException>(Read).Error);
        File.WriteAllBytes(_folder["f"], [.. "PSLFILE"u8, 3]);
        Assert.Throws<ProfileVersionException>(Read);
        File.Delete(_folder["f"]);
        Assert.Equal(ProfileAccessError.NotReadable, Assert.Throws<ProfileAccessException>(Read).Error);
    }

    private byte[] Write(int length)
    {
        var content = new byte[length];
        new Random(length).NextBytes(content);
        SealedFile.Write(_folder["f"], _box, Place, stream =>
        {
            // In pieces that do not fall on the borders of the parts.
            for (var start = 0; start < length; start += 300_007)
            {
                stream.Write(content.AsSpan(start, Math.Min(300_007, length - start)));
            }
        });
        return content;
    }

    private byte[] Read()
    {
        using var stream = SealedFile.OpenRead(_folder["f"], _box, Place);
        using var content = new MemoryStream();
        stream.CopyTo(content);
        return content.ToArray();
    }
}
