using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace Personalize.Packaging.Tests;

/// <summary>Runs every example on a tiny model, in order on one profile, and holds what they say to what they are to show.</summary>
public sealed class ExamplesTests : IDisposable
{
    private const int MostLines = 100;
    private readonly TemporaryFolder _folder = new();
    private readonly string _model;

    public ExamplesTests() => _model = TinyModel.Write(_folder);

    public static TheoryData<string> Programs => [.. Directory.GetFiles(Path.Combine(SharedFiles.Repository, "examples"), "*.cs", SearchOption.AllDirectories).Where(path => !path.Contains("/obj/", StringComparison.Ordinal)).Select(path => Path.GetRelativePath(SharedFiles.Repository, path))];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Programs))]
    public void Each_is_short_and_listed(string program)
    {
        Assert.InRange(File.ReadAllLines(Path.Combine(SharedFiles.Repository, program)).Length, 1, MostLines - 1);
        Assert.Contains(Path.GetFileName(Path.GetDirectoryName(program)!), File.ReadAllText(Path.Combine(SharedFiles.Repository, "examples", "README.md")), StringComparison.Ordinal);
    }

    [Fact]
    public void In_order_they_tell_one_story()
    {
        Assert.Contains("answering with the model as it came", Run("1-embed-and-chat", "EmbedAndChat"), StringComparison.Ordinal);
        Assert.Contains("no profile yet", Run("4-inspect-and-roll-back", "InspectAndRollBack"), StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder["profile"]));

        var history = _folder.Write("history.jsonl", string.Join('\n', File.ReadLines(Path.Combine(SharedFiles.Repository, "examples", "data", "wren.jsonl")).Take(60)));
        var trained = Run("2-record-and-train", "RecordAndTrain", history);
        Assert.Contains("60 imported, 61 stored", trained, StringComparison.Ordinal);
        Assert.Contains("Promoted", trained, StringComparison.Ordinal);

        var id = Line(trained, "adapter ").Split(' ')[1].TrimEnd(':');
        var inspected = Run("4-inspect-and-roll-back", "InspectAndRollBack");
        Assert.Contains($"served: {id}", inspected, StringComparison.Ordinal);
        Assert.Contains("served after the roll-back: the model as it came", inspected, StringComparison.Ordinal);
        Assert.Contains($"served after it was promoted again: {id}", inspected, StringComparison.Ordinal);

        Assert.Contains("read back: rank 8, 14 pairs", Run("5-export-to-peft", "ExportToPeft", _folder["exported"]), StringComparison.Ordinal);
        Assert.True(File.Exists(_folder["exported/peft/adapter_model.safetensors"]));
        Assert.True(File.Exists(_folder["exported/adapter.gguf"]));
        Assert.Contains($"answering with the adapter {id}", Run("1-embed-and-chat", "EmbedAndChat"), StringComparison.Ordinal);

        // The messages are there and learned from once: a job by the person's own button finds them new to its plan.
        var conditions = Run("6-own-conditions", "OwnConditions").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.StartsWith("NotNow: ", conditions[0], StringComparison.Ordinal);
        Assert.Contains("the button is not pressed", conditions[0], StringComparison.Ordinal);
        Assert.DoesNotContain("NotNow", conditions[1], StringComparison.Ordinal);
        Assert.DoesNotContain("Failed", conditions[1], StringComparison.Ordinal);
    }

    [Fact]
    public void The_overnight_example_says_what_it_came_to()
    {
        var history = _folder.Write("history.jsonl", string.Join('\n', File.ReadLines(Path.Combine(SharedFiles.Repository, "examples", "data", "wren.jsonl")).Take(40)));

        var said = Run("3-overnight", "Overnight", history);

        Assert.Contains("40 messages wait to be learned", said, StringComparison.Ordinal);

        // On this device, as it is now: whether it may work is not the test's to say.
        Assert.Matches("(NotNow|Promoted|Rejected): .+", said);
    }

    [Fact]
    public async Task The_web_api_chats_asks_for_consent_and_records()
    {
        using var process = Dotnet.Start(_folder.Path, Dotnet.ProgramOf("examples/web", "Web"), "--Model", _model, "--Profile", _folder["profile"], "--urls", "http://127.0.0.1:0");
        try
        {
            const string Listening = "Now listening on: ";
            string? line;
            do
            {
                line = await process.StandardOutput.ReadLineAsync();
                Assert.NotNull(line);
            }
            while (!line.Contains(Listening, StringComparison.Ordinal));
            using var client = new HttpClient { BaseAddress = new Uri(line[(line.IndexOf(Listening, StringComparison.Ordinal) + Listening.Length)..].Trim()) };

            Assert.Equal(HttpStatusCode.Forbidden, (await client.PostAsJsonAsync("/messages", new { context = "c", text = "mine" })).StatusCode);
            Assert.NotNull((await Json(await client.PostAsJsonAsync("/chat", new { text = "hello" }))).GetProperty("text").GetString());
            Assert.False(Directory.Exists(_folder["profile"]));

            Assert.Equal(HttpStatusCode.OK, (await client.PutAsync("/consent", null)).StatusCode);
            Assert.True((await Json(await client.GetAsync("/consent"))).GetProperty("given").GetBoolean());
            Assert.Equal(1, (await Json(await client.PostAsJsonAsync("/messages", new { context = "c", text = "mine" }))).GetProperty("id").GetInt64());

            // The conversation is recorded too, now that the person said yes.
            await client.PostAsJsonAsync("/chat", new { text = "hello again" });
            Assert.Equal(3, (await Json(await client.PostAsJsonAsync("/messages", new { context = "c", text = "mine again" }))).GetProperty("id").GetInt64());
            Assert.Equal(HttpStatusCode.UnprocessableEntity, (await client.PostAsJsonAsync("/messages", new { context = "c", text = " " })).StatusCode);
            Assert.Equal(0, (await Json(await client.GetAsync("/adapters"))).GetArrayLength());
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync();
        }
    }

    private static async Task<JsonElement> Json(HttpResponseMessage response)
    {
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }

    private static string Line(string text, string start) => text.Split('\n').First(line => line.StartsWith(start, StringComparison.Ordinal));

    private string Run(string folder, string assembly, params string[] arguments) =>
        Dotnet.Run(_folder.Path, [Dotnet.ProgramOf(string.Create(CultureInfo.InvariantCulture, $"examples/{folder}"), assembly), _model, _folder["profile"], .. arguments]);
}
