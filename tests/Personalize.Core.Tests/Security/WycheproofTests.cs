using System.Text.Json;
using Personalize.Core.Security;
using Personalize.TestSupport;

namespace Personalize.Core.Tests.Security;

public class WycheproofTests
{
    private const int AesGcmCount = 66;
    private const int HkdfCount = 83;
    private const int Pbkdf2Count = 58;

    [Fact]
    public void Aes_gcm_vectors_pass_through_our_cipher()
    {
        var count = 0;
        foreach (var test in Tests("aes_gcm_256_96_128.json"))
        {
            using var cipher = new AuthenticatedCipher(Hex(test, "key"));
            var message = Hex(test, "msg");
            byte[] expected = [.. Hex(test, "iv"), .. Hex(test, "ct"), .. Hex(test, "tag")];
            var plaintext = new byte[message.Length];
            var opened = cipher.TryDecrypt(expected, Hex(test, "aad"), plaintext);
            if (IsValid(test))
            {
                var sealedBytes = new byte[expected.Length];
                cipher.Encrypt(Hex(test, "iv"), message, Hex(test, "aad"), sealedBytes);
                Assert.Equal(expected, sealedBytes);
                Assert.True(opened);
                Assert.Equal(message, plaintext);
            }
            else
            {
                Assert.False(opened);
                Assert.All(plaintext, value => Assert.Equal(0, value));
            }

            count++;
        }

        Assert.Equal(AesGcmCount, count);
    }

    [Fact]
    public void Hkdf_vectors_pass_through_our_derivation()
    {
        var count = 0;
        foreach (var test in Tests("hkdf_sha256.json"))
        {
            var output = new byte[test.GetProperty("size").GetInt32()];
            void Derive() => KeyDerivation.Hkdf(Hex(test, "ikm"), Hex(test, "salt"), Hex(test, "info"), output);
            if (IsValid(test))
            {
                Derive();
                Assert.Equal(Hex(test, "okm"), output);
            }
            else
            {
                Assert.ThrowsAny<ArgumentException>(Derive);
            }

            count++;
        }

        Assert.Equal(HkdfCount, count);
    }

    [Fact]
    public void Pbkdf2_vectors_pass_through_our_derivation()
    {
        var count = 0;
        foreach (var test in Tests("pbkdf2_hmacsha512.json"))
        {
            var output = new byte[test.GetProperty("dkLen").GetInt32()];
            KeyDerivation.Pbkdf2(Hex(test, "password"), Hex(test, "salt"), test.GetProperty("iterationCount").GetInt32(), output);
            Assert.Equal(Hex(test, "dk"), output);
            count++;
        }

        Assert.Equal(Pbkdf2Count, count);
    }

    private static IEnumerable<JsonElement> Tests(string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(SharedFiles.Fixture("security/" + file)));
        return [.. document.RootElement.GetProperty("testGroups").EnumerateArray().SelectMany(group => group.GetProperty("tests").EnumerateArray()).Select(test => test.Clone())];
    }

    private static byte[] Hex(JsonElement test, string name) => Convert.FromHexString(test.GetProperty(name).GetString()!);

    private static bool IsValid(JsonElement test) => test.GetProperty("result").ValueEquals("valid");
}
