using System.Globalization;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Personalize.Core.Errors;
using Personalize.Core.Interactions;
using Personalize.Core.Privacy;
using Personalize.Core.Profiles;
using Personalize.Core.Security;

namespace Personalize.Core.Tests.Faults;

/// <summary>Every parser of what lies on the disk, on valid input that was changed, cut, doubled or made up: it answers, or throws its own error. A few thousand cases each unless the variable asks for more.</summary>
public sealed class ParserFuzzTests : IDisposable
{
    private const int DefaultCases = 2_000;

    private static readonly int Cases = int.TryParse(Environment.GetEnvironmentVariable("PERSONALIZE_FUZZ"), CultureInfo.InvariantCulture, out var cases) ? cases : DefaultCases;

    private readonly TemporaryFolder _folder = new();
    private readonly ProfileKey _key = ProfileKey.CreateRandom();

    public void Dispose()
    {
        _key.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Interactions() => Fuzz(
        InteractionCodec.Encode(new Interaction(0, "an id", DateTimeOffset.UnixEpoch, "app", "a context", "a text 🙂")),
        bytes => InteractionCodec.TryDecode(1, bytes, out _));

    [Theory]
    [InlineData(long.MinValue)]
    [InlineData(long.MaxValue)]
    [InlineData(841)]
    public void An_offset_from_universal_time_that_no_place_has_is_no_time(long minutes)
    {
        var reader = new RecordReader((byte[])[.. BitConverter.GetBytes(638_000_000_000_000_000L), .. BitConverter.GetBytes(minutes)]);
        Assert.False(reader.TryRead(out DateTimeOffset _));
    }

    [Fact]
    public void Consent() => Fuzz(ConsentCodec.Encode(new ConsentEntry("app", true, DateTimeOffset.UnixEpoch)), bytes => ConsentCodec.TryDecode(bytes, out _));

    [Fact]
    public void Heads() => Fuzz(new StoreHead { Sequence = 7, Count = 3, Settled = 2 }.Encode(), bytes => StoreHead.TryDecode(bytes));

    [Fact]
    public void Sealed_values()
    {
        using var box = _key.CreateBox(KeyPurpose.Records, Guid.Empty, "db");
        var place = new SealContext("t", "r", "c", 1);
        var value = box.Seal("some bytes"u8, place);
        Fuzz(value, bytes => Assert.Equal(bytes.AsSpan().SequenceEqual(value), box.TryOpen(bytes, place, out _, out _)));
    }

    [Fact]
    public void Key_rings()
    {
        using var epoch = ProfileKey.CreateRandom();
        var ring = KeyRingCodec.Seal(_key, Guid.Empty, [epoch], 3, anchored: true);
        Fuzz(ring, bytes =>
        {
            var opened = KeyRingCodec.Open(_key, Guid.Empty, bytes);
            Assert.Equal(bytes.AsSpan().SequenceEqual(ring), opened is not null);
            opened?.Ring.Dispose();
        });
    }

    [Fact]
    public void Headers_of_sealed_files()
    {
        using var stream = new MemoryStream();
        new SealedFileHeader(KeyPurpose.Adapters, new byte[16], new byte[32], new SealContext("adapters", "a", "adapter", 1)).Write(stream);
        Fuzz(stream.ToArray()[8..], bytes =>
        {
            using var input = new MemoryStream(bytes);
            _ = SealedFileHeader.TryRead(input);
        });
    }

    [Fact]
    public void Json_lines() => Fuzz(
        """
        {"id": 1, "timestamp": 1741345891.5, "context": "c", "text": "t 🙂"}
        {"id": "x", "timestamp": "2025-03-07T12:00:00Z", "context": "", "text": "\ud83d\ude42"}
        """u8.ToArray(),
        bytes =>
        {
            using var input = new MemoryStream(bytes);
            Assert.All(InteractionJsonLines.Read(input, "app"), line => Assert.True(line.Interaction is null != line.Problem is null));
        });

    [Fact]
    public void Descriptions_of_profiles()
    {
        Profile.Open(_folder["profile"]).Dispose();
        var file = _folder["fuzzed.json"];
        Fuzz(File.ReadAllBytes(_folder["profile/profile.json"]), bytes =>
        {
            File.WriteAllBytes(file, bytes);
            _ = ProfileHeader.Read(file);
        });
    }

    [Fact]
    public void Key_files()
    {
        new FileKeyProtector(_folder["key"]).CreateIfMissing();
        var protector = new FileKeyProtector(_folder["key"]);
        var wrapped = protector.Wrap(new byte[32], []);
        Fuzz(File.ReadAllBytes(_folder["key"]), bytes =>
        {
            File.WriteAllBytes(_folder["key"], bytes);
            protector.Unwrap(wrapped, [], new byte[32]);
        });
    }

    [Fact]
    public void Anchors()
    {
        using var ring = new KeyRing([_key.Copy()], 1);
        using var anchor = new RollbackAnchor(_folder["anchor"], Guid.Empty, ring);
        anchor.Create(new AnchorState(1, 5, new byte[32]));
        Fuzz(File.ReadAllBytes(_folder["anchor"]), bytes =>
        {
            File.WriteAllBytes(_folder["anchor"], bytes);
            Assert.True(anchor.Read() is null or { Generation: 1, Sequence: 5 });
        });
    }

    [Fact]
    public void Sealed_files()
    {
        using var box = _key.CreateBox(KeyPurpose.Adapters, Guid.Empty, "f");
        var place = new SealContext("t", "r", "c", 1);
        SealedFile.Write(_folder["f"], box, place, stream => stream.Write("some bytes"u8));
        Fuzz(File.ReadAllBytes(_folder["f"]), bytes =>
        {
            File.WriteAllBytes(_folder["f"], bytes);
            using var stream = SealedFile.OpenRead(_folder["f"], box, place);
            using var reader = new StreamReader(stream, Encoding.UTF8);
            Assert.Equal("some bytes", reader.ReadToEnd());
        });
    }

    [Fact]
    public void Texts_to_be_redacted() => Fuzz(
        "https://me:pw@host -----BEGIN PRIVATE KEY----- 4111 1111 1111 1111 eyJhbGciOiJI.eyJzdWIiOiIx.abc AKIAIOSFODNN7EXAMPLE bearer abcdef0123456789"u8.ToArray(),
        bytes => SecretRedactor.Instance.Redact(Encoding.Latin1.GetString(bytes)));

    private static void Fuzz(byte[] valid, Action<byte[]> parse)
    {
        // One case in ten is made up from nothing.
        var property = Prop.ForAll<int, byte[]>((seed, noise) =>
        {
            var bytes = seed % 10 == 0 ? noise ?? [] : Mutate(valid, new Random(seed));
            try
            {
                parse(bytes);
            }
            catch (PersonalizeException)
            {
                // Its own error, which is what is asked for.
            }
        });
        property.Check(Config.QuickThrowOnFailure.WithMaxTest(Cases).WithQuietOnSuccess(true));
    }

    private static byte[] Mutate(byte[] valid, Random random)
    {
        var bytes = valid.ToList();
        for (var change = random.Next(1, 5); change > 0; change--)
        {
            var at = random.Next(bytes.Count + 1);
            switch (random.Next(6))
            {
                case 0 when at < bytes.Count:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1 when at < bytes.Count:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 2:
                    bytes.RemoveRange(at, random.Next(bytes.Count - at + 1));
                    break;
                case 3:
                    bytes.Insert(at, (byte)random.Next(256));
                    break;
                case 4:
                    bytes.InsertRange(at, bytes.Skip(random.Next(bytes.Count + 1)).Take(16).ToArray());
                    break;
                default:
                    // Lengths at their limits.
                    foreach (var (value, i) in BitConverter.GetBytes(random.Next(3) switch { 0 => int.MaxValue, 1 => -1, _ => int.MinValue }).Select((value, i) => (value, i)).Where(entry => at + entry.i < bytes.Count))
                    {
                        bytes[at + i] = value;
                    }

                    break;
            }
        }

        return [.. bytes];
    }
}
