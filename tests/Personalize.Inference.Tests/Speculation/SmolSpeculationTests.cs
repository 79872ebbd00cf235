using System.Text.Json;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Tokenization;
using Personalize.Core.Tokenization.Templates;
using Personalize.Inference.Decoding;
using Personalize.Inference.Generation;
using Personalize.Inference.Speculation;
using Personalize.Inference.Tests.Decoding;

namespace Personalize.Inference.Tests.Speculation;

/// <summary>The same greedy text with and without speculation on the real model, asked as a person's later interactions ask.</summary>
public sealed class SmolSpeculationTests(SmolModelFixture fixture) : IClassFixture<SmolModelFixture>
{
    private const string User = "data/users/commits-a.jsonl";
    private const int Known = 200;
    private const int Asked = 10;
    private const int MaxTokens = 40;

    [SharedFact(User)]
    public void Greedy_texts_are_identical()
    {
        using var file = GgufFile.Open(SharedFiles.Resolve(SharedFiles.Model));
        var chat = ChatFormat.Load(file.Metadata, TimeProvider.System);
        var rows = File.ReadLines(SharedFiles.Resolve(User)).Take(Known + Asked).Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        var history = new HistoryDrafter();
        foreach (var row in rows[..Known])
        {
            history.Add(chat.EncodeExample(Text(row, "context"), Text(row, "text")).Ids);
        }

        using var plainSession = Open();
        var plain = new TextGenerator(plainSession, chat.Tokenizer, TimeProvider.System);
        using var lookupSession = Open();
        using var historySession = Open();
        using var refinementSession = Open();
        var fast = new[] { new TextGenerator(lookupSession, chat.Tokenizer, TimeProvider.System, new LookupDrafter()), new TextGenerator(historySession, chat.Tokenizer, TimeProvider.System, history), new TextGenerator(refinementSession, chat.Tokenizer, TimeProvider.System, new RefinementDrafter()) };
        var accepted = new int[fast.Length];
        foreach (var row in rows[Known..])
        {
            var request = new GenerationRequest { Prompt = chat.EncodePrompt([new PromptMessage("user", Text(row, "context"))], addGenerationPrompt: true), MaxTokens = MaxTokens };
            var expected = plain.Generate(request).RunToEnd();
            for (var i = 0; i < fast.Length; i++)
            {
                var result = fast[i].Generate(request).RunToEnd();
                Assert.Equal(expected.Ids, result.Ids);
                accepted[i] += result.AcceptedTokens;
            }
        }

        // What is refined need not hold even once in so little text.
        Assert.All(accepted[..2], count => Assert.True(count > 0));
    }

    private static string Text(JsonElement row, string name) => row.GetProperty(name).GetString()!;

    private DecoderSession Open() => new(fixture.Model, fixture.Pool, new DecoderSessionOptions { ContextLength = 512 });
}
