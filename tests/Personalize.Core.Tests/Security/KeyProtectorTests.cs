using System.Buffers.Binary;
using Personalize.Core.Errors;
using Personalize.Core.Security;

namespace Personalize.Core.Tests.Security;

public sealed class KeyProtectorTests : IDisposable
{
    private static readonly byte[] Key = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_passphrase_unwraps_what_it_wrapped_and_nothing_else_does()
    {
        using var right = new PassphraseKeyProtector("kéy 🔑 phrase");
        using var wrong = new PassphraseKeyProtector("key 🔑 phrase");
        var wrapped = right.Wrap(Key, "bound"u8);
        var unwrapped = new byte[32];
        right.Unwrap(wrapped, "bound"u8, unwrapped);
        Assert.Equal(Key, unwrapped);
        Assert.Equal(StoreKeyError.WrongKey, Assert.Throws<StoreKeyException>(() => wrong.Unwrap(wrapped, "bound"u8, unwrapped)).Error);
        Assert.All(unwrapped, value => Assert.Equal(0, value));
        Assert.Equal(StoreKeyError.WrongKey, Assert.Throws<StoreKeyException>(() => right.Unwrap(wrapped, "other"u8, unwrapped)).Error);
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(209_999u)]
    [InlineData(10_000_001u)]
    [InlineData(uint.MaxValue)]
    public void Derivation_parameters_out_of_range_are_refused_before_any_work(uint iterations)
    {
        using var protector = new PassphraseKeyProtector("phrase");
        var wrapped = protector.Wrap(Key, []);
        BinaryPrimitives.WriteUInt32LittleEndian(wrapped.AsSpan(1), iterations);
        Assert.Equal(StoreKeyError.WrappedKeyMalformed, Assert.Throws<StoreKeyException>(() => protector.Unwrap(wrapped, [], new byte[32])).Error);
    }

    [Fact]
    public void A_cut_wrapped_key_is_refused()
    {
        using var passphrase = new PassphraseKeyProtector("phrase");
        var file = new FileKeyProtector(_folder["key"]);
        file.CreateIfMissing();
        foreach (var protector in new IKeyProtector[] { passphrase, file })
        {
            var wrapped = protector.Wrap(Key, []);
            Assert.Equal(StoreKeyError.WrappedKeyMalformed, Assert.Throws<StoreKeyException>(() => protector.Unwrap(wrapped.AsSpan(1), [], new byte[32])).Error);
            Assert.Equal(StoreKeyError.WrappedKeyMalformed, Assert.Throws<StoreKeyException>(() => protector.Unwrap([], [], new byte[32])).Error);
        }
    }

    [Fact]
    public void An_empty_or_invalid_passphrase_is_a_misuse()
    {
        Assert.Throws<ArgumentException>(() => new PassphraseKeyProtector(""));
        Assert.ThrowsAny<ArgumentException>(() => new PassphraseKeyProtector("\ud800"));
    }

    [Fact]
    public void A_key_file_unwraps_what_it_wrapped_and_another_does_not()
    {
        var protector = new FileKeyProtector(_folder["key"]);
        protector.CreateIfMissing();
        var wrapped = protector.Wrap(Key, "bound"u8);
        protector.CreateIfMissing();
        var unwrapped = new byte[32];
        protector.Unwrap(wrapped, "bound"u8, unwrapped);
        Assert.Equal(Key, unwrapped);

        var other = new FileKeyProtector(_folder["other"]);
        other.CreateIfMissing();
        Assert.Equal(StoreKeyError.WrongKey, Assert.Throws<StoreKeyException>(() => other.Unwrap(wrapped, "bound"u8, unwrapped)).Error);
    }

    [Fact]
    public void A_key_file_that_others_may_read_is_refused()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        var protector = new FileKeyProtector(_folder["key"]);
        protector.CreateIfMissing();
        Assert.Equal(DurableFile.OwnerOnlyFile, File.GetUnixFileMode(_folder["key"]));
        foreach (var looser in new[] { UnixFileMode.GroupRead, UnixFileMode.OtherRead, UnixFileMode.GroupWrite })
        {
            File.SetUnixFileMode(_folder["key"], DurableFile.OwnerOnlyFile | looser);
            Assert.Equal(StoreKeyError.KeyFileTooOpen, Assert.Throws<StoreKeyException>(() => protector.Wrap(Key, [])).Error);
        }
    }

    [Fact]
    public void A_missing_or_malformed_key_file_says_so()
    {
        var protector = new FileKeyProtector(_folder["key"]);
        Assert.Equal(StoreKeyError.KeyFileMissing, Assert.Throws<StoreKeyException>(() => protector.Wrap(Key, [])).Error);
        protector.CreateIfMissing();
        var content = File.ReadAllBytes(_folder["key"]);
        foreach (var bad in new[] { content[..^1], [.. content, 0], [], [(byte)'X', .. content[1..]] })
        {
            File.WriteAllBytes(_folder["key"], bad);
            Assert.Equal(StoreKeyError.KeyFileMalformed, Assert.Throws<StoreKeyException>(() => protector.Wrap(Key, [])).Error);
        }
    }
}
