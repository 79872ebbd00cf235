using System.Globalization;
using System.Text.Json;
using Personalize.Core.Errors;
using Personalize.Core.Security;

namespace Personalize.Core.Profiles;

/// <summary>What <c>profile.json</c> says: format version, store id, the wrapped profile key with its public id and commitment, and the ring of epoch keys that it seals. Nothing in it is secret or personal without the protector's secret.</summary>
/// <param name="StoreId">Random name of the store, bound by every seal.</param>
/// <param name="KeyId">Random name of the key.</param>
/// <param name="Protector">The <see cref="IKeyProtector.Kind"/> that wrapped the key.</param>
/// <param name="WrappedKey">What the protector gave.</param>
/// <param name="Commitment">The key's commitment for this store.</param>
/// <param name="Ring">The sealed ring (<see cref="KeyRingCodec"/>); null in version 1, where the profile key sealed everything itself.</param>
internal sealed record ProfileHeader(Guid StoreId, byte[] KeyId, string Protector, byte[] WrappedKey, byte[] Commitment, byte[]? Ring)
{
    public const byte FormatVersion = 2;

    private const byte FirstVersion = 1;

    private const string Format = "personalize-profile";
    private const int MaximumBytes = 64 << 10;

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 8 };

    /// <summary>What the wrapped key is bound to, so that a header cannot be put together from two profiles, nor one of this version pass for one of the first.</summary>
    public byte[] Binding => Bind(StoreId, KeyId, Ring is null ? FirstVersion : FormatVersion);

    public static byte[] Bind(Guid storeId, ReadOnlySpan<byte> keyId, byte version = FormatVersion)
        => [.. "personalize/1/profile"u8, version, .. storeId.ToByteArray(bigEndian: true), .. keyId];

    public static ProfileHeader Read(string path)
    {
        try
        {
            byte[] bytes;
            using (var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete))
            {
                if (file.Length > MaximumBytes)
                {
                    throw Malformed(path, "is far too long", null);
                }

                bytes = new byte[file.Length];
                file.ReadExactly(bytes);
            }

            using var document = JsonDocument.Parse(bytes, Strict);
            return Parse(path, document.RootElement);
        }
        catch (EndOfStreamException exception)
        {
            throw Malformed(path, "was cut", exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw FileSystemFaults.Translate(path, exception, writing: false);
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw Malformed(path, "does not describe a profile", exception);
        }
    }

    /// <summary>Replaces the header in one step and overwrites the old one: a key that is retired is not to be found in its remains.</summary>
    public void Write(string path) => DurableFile.Replace(path, stream =>
    {
        using var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteString("format"u8, Format);
        json.WriteNumber("version"u8, FormatVersion);
        json.WriteString("storeId"u8, StoreId.ToString("N"));
        json.WriteStartObject("key"u8);
        json.WriteString("id"u8, Convert.ToHexStringLower(KeyId));
        json.WriteString("protector"u8, Protector);
        json.WriteBase64String("wrapped"u8, WrappedKey);
        json.WriteBase64String("commitment"u8, Commitment);
        json.WriteEndObject();
        json.WriteBase64String("ring"u8, Ring);
        json.WriteEndObject();
    });

    private static ProfileHeader Parse(string path, JsonElement root)
    {
        if (!string.Equals(root.GetProperty("format"u8).GetString(), Format, StringComparison.Ordinal))
        {
            throw Malformed(path, "does not describe a profile", null);
        }

        // The version is looked at first: of a newer format nothing else may be assumed.
        var version = root.GetProperty("version"u8).GetInt64();
        if (version > FormatVersion)
        {
            throw new ProfileVersionException(path, version, FormatVersion);
        }

        var key = root.GetProperty("key"u8);
        var header = new ProfileHeader(
            Guid.ParseExact(root.GetProperty("storeId"u8).GetString() ?? "", "N"),
            Convert.FromHexString(key.GetProperty("id"u8).GetString() ?? ""),
            key.GetProperty("protector"u8).GetString() ?? "",
            key.GetProperty("wrapped"u8).GetBytesFromBase64(),
            key.GetProperty("commitment"u8).GetBytesFromBase64(),
            version == FormatVersion ? root.GetProperty("ring"u8).GetBytesFromBase64() : null);
        return version is FormatVersion or FirstVersion && header.KeyId.Length == ProfileKey.IdSize && header.Commitment.Length == ProfileKey.CommitmentSize
            ? header
            : throw Malformed(path, string.Create(CultureInfo.InvariantCulture, $"has a version ({version}) or sizes that never were"), null);
    }

    private static StoreIntegrityException Malformed(string path, string what, Exception? inner)
        => new(StoreIntegrityError.ProfileMalformed, path, what + ": restore it from a backup; without it the profile's key is lost", innerException: inner);
}
