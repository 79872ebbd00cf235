using System.Buffers.Binary;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text.Json;
using Personalize.TestSupport;

namespace Personalize.Core.Tests.Tokenization;

/// <summary>Ids and texts of Hugging Face's tokenizers on SmolLM2's vocabulary, <c>oracles/smollm2/tokenizer.json</c>.</summary>
public class SmolLm2OracleTests
{
    private const string Oracle = "oracles/smollm2/tokenizer.json";
    private const int CaseCount = 330;
    private const int FileCount = 6;

    [SharedFact(Oracle)]
    public void Strings_EncodeToTheOracleIds()
    {
        var tokenizer = SharedTokenizers.SmolLm2;
        using var document = Read();
        var cases = document.RootElement.GetProperty("cases").EnumerateArray().ToList();
        Assert.Equal(CaseCount, cases.Count);
        Assert.All(cases, item => Assert.Equal(Ids(item), tokenizer.Encode(item.GetProperty("text").GetString()!, parseSpecialTokens: true)));
    }

    [SharedFact(Oracle)]
    public void Ids_DecodeToTheOracleTexts()
    {
        var tokenizer = SharedTokenizers.SmolLm2;
        using var document = Read();
        Assert.All(document.RootElement.GetProperty("cases").EnumerateArray(), item => Assert.Equal(item.GetProperty("decoded").GetString(), tokenizer.Decode(Ids(item), includeSpecialTokens: true)));
    }

    [SharedFact(Oracle)]
    public void DataFiles_HashToTheOracleHashes()
    {
        var tokenizer = SharedTokenizers.SmolLm2;
        using var document = Read();
        var files = document.RootElement.GetProperty("files").EnumerateObject().ToList();
        Assert.Equal(FileCount, files.Count);
        foreach (var file in files)
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            long tokens = 0;
            foreach (var text in Texts(file.Name))
            {
                var ids = tokenizer.Encode(text, parseSpecialTokens: true);
                tokens += ids.Length;
                AppendInt32(hash, ids.Length);
                Array.ForEach(ids, id => AppendInt32(hash, id));
            }

            Assert.Equal(file.Value.GetProperty("tokens").GetInt64(), tokens);
            Assert.Equal(file.Value.GetProperty("sha256").GetString(), Convert.ToHexStringLower(hash.GetHashAndReset()));
        }
    }

    private static JsonDocument Read() => JsonDocument.Parse(File.ReadAllBytes(SharedFiles.Resolve(Oracle)));

    private static int[] Ids(JsonElement item) => [.. item.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];

    private static void AppendInt32(IncrementalHash hash, int value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        hash.AppendData(bytes);
    }

    private static IEnumerable<string> Texts(string name)
    {
        if (name.EndsWith(".gz", StringComparison.Ordinal))
        {
            using var zipped = new GZipStream(File.OpenRead(SharedFiles.Resolve("data/" + name)), CompressionMode.Decompress);
            using var reader = new StreamReader(zipped);
            while (reader.ReadLine() is { } line)
            {
                yield return line;
            }
        }
        else
        {
            foreach (var line in File.ReadLines(SharedFiles.Resolve("data/users/" + name)))
            {
                using var row = JsonDocument.Parse(line);
                yield return row.RootElement.GetProperty("text").GetString()!;
            }
        }
    }
}
