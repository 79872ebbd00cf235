using System.CommandLine;
using System.Text.Json;
using Personalize.Cli.Diagnostics;
using Personalize.Cli.Hosting;
using Personalize.Cli.Models;
using Personalize.Cli.Options;
using Personalize.Core.Models;
using Personalize.Core.Tokenization.Templates;
using Personalize.Inference.Decoding;
using Personalize.Inference.Generation;
using Personalize.Inference.Sampling;
using Personalize.Inference.Speculation;

namespace Personalize.Cli.Commands;

/// <summary><c>generate</c>: one text.</summary>
internal static class GenerateCommand
{
    public static Command Create(CommandHost host)
    {
        var prompt = new Option<string?>("--prompt") { Description = "Text to continue as it is; special tokens in it count", HelpName = "T" };
        var ids = TokenIds.Create("Tokens to continue");
        var chat = new Option<string?>("--chat") { Description = "A message to answer, put into the model's chat template; special tokens in it are plain text", HelpName = "T" };
        var adapter = AdapterOption.Create();
        var maxTokens = new Option<int>("--max-tokens") { Description = "How many tokens at most", HelpName = "N", DefaultValueFactory = _ => 256 }.AtLeast(1);
        var stop = new Option<string[]>("--stop") { Description = "End before this text; may be given several times", HelpName = "T" };
        var speculation = new SpeculationOptionSet();
        var precision = PrecisionOption.Create(ArithmeticPrecision.Served);
        var sampling = new SamplingOptionSet(SamplingOptions.Greedy);
        var bounded = new BoundedCacheOptionSet("--window");
        var cacheType = CacheTypeOption.Create();
        var command = new Command("generate", "Write a text") { prompt, ids, chat, maxTokens, stop, adapter, precision, cacheType };
        speculation.AddTo(command);
        sampling.AddTo(command);
        bounded.AddTo(command);
        command.RequireOneOf(prompt, ids, chat);
        host.Bind(command, context =>
        {
            using var engine = Engine.Load(context, context.Get(adapter));
            engine.CachePrecision = CacheTypeOption.Parse(context.Get(cacheType));
            var tokens = context.Get(ids) is { Length: > 0 } given ? given
                : context.Get(chat) is { } message ? engine.Chat.EncodePrompt([new PromptMessage("user", message)], addGenerationPrompt: true)
                : engine.EncodeText(context.Get(prompt)!);
            TokenIds.Check(tokens, engine.Model.Description.VocabularySize);
            if (tokens.Length == 0)
            {
                throw new UsageException("--prompt is empty: give at least one character");
            }

            var request = new GenerationRequest
            {
                Prompt = tokens,
                MaxTokens = context.Get(maxTokens),
                Sampling = sampling.Read(context),
                StopStrings = context.Get(stop),
            };
            var arithmetic = PrecisionOption.Parse(context.Get(precision));
            var room = RoomFor(request, engine.Model.Description, arithmetic);
            using var drafting = speculation.Start(context, engine, room.ContextLength!.Value);
            var options = bounded.Read(context, engine.Model.Description, arithmetic, drafting.Drafter is null ? 0 : DecoderSession.MostVerifyTokens) ?? room;
            return Run(context, engine, options, request, drafting.Drafter);
        });
        return command;
    }

    // Room for the prompt and the answer, so that memory is a matter of the text and not of what the model could hold.
    private static DecoderSessionOptions RoomFor(GenerationRequest request, DecoderDescription model, ArithmeticPrecision precision) =>
        new() { ContextLength = (int)Math.Min((long)request.Prompt.Count + request.MaxTokens, model.ContextLength), Precision = precision };

    private static int Run(CommandContext context, Engine engine, DecoderSessionOptions options, GenerationRequest request, IDrafter? drafter)
    {
        using var session = engine.CreateSession(options);
        var text = new TextGenerator(session, engine.Tokenizer, context.Time, drafter).Generate(request, context.CancellationToken);
        foreach (var token in text)
        {
            if (context.Output.IsForPeople)
            {
                context.Output.Text(token.Text);
            }
        }

        var result = text.Result;
        context.Output.Result(json => WriteJson(json, result), _ => context.Output.Text("\n"));
        if (drafter is not null)
        {
            context.Output.Note($"{result.AcceptedTokens} of {result.DraftedTokens} drafted tokens accepted{(result.SpeculationGivenUp ? "; speculation was given up, it did not pay" : "")}");
        }

        context.Output.Note($"{result.PromptTokens} prompt tokens at {result.PrefillTokensPerSecond:F0}/s, {result.Ids.Count} tokens at {result.DecodeTokensPerSecond:F0}/s");
        return ExitCode.Done;
    }

    private static void WriteJson(Utf8JsonWriter json, GenerationResult result)
    {
        json.WriteString("text", result.Text);
        json.WriteStartArray("ids");
        foreach (var id in result.Ids)
        {
            json.WriteNumberValue(id);
        }

        json.WriteEndArray();
        json.WriteNumber("promptTokens", result.PromptTokens);
        json.WriteNumber("tokens", result.Ids.Count);
        json.WriteNumber("prefillTokensPerSecond", result.PrefillTokensPerSecond);
        json.WriteNumber("decodeTokensPerSecond", result.DecodeTokensPerSecond);
        json.WriteNumber("draftedTokens", result.DraftedTokens);
        json.WriteNumber("acceptedTokens", result.AcceptedTokens);
        json.WriteBoolean("speculationGivenUp", result.SpeculationGivenUp);
        json.WriteNumber("residentBytes", ProcessMemory.ResidentBytes());
        json.WriteNumber("peakResidentBytes", ProcessMemory.PeakBytes());
        json.WriteString("stopReason", JsonNamingPolicy.CamelCase.ConvertName(result.StopReason.ToString()));
    }
}
