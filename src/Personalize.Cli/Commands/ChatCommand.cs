using System.CommandLine;
using Personalize.Cli.Hosting;
using Personalize.Cli.Models;
using Personalize.Cli.Options;
using Personalize.Core.Errors;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Core.Tokenization.Templates;
using Personalize.Inference.Generation;
using Personalize.Inference.Sampling;

namespace Personalize.Cli.Commands;

/// <summary><c>chat</c>: a conversation at the terminal.</summary>
internal static class ChatCommand
{
    private const string User = "user";
    private const string Assistant = "assistant";
    private static readonly SamplingOptions Standard = new() { Temperature = 0.7f, TopP = 0.9f, RepetitionPenalty = 1.1f };

    public static Command Create(CommandHost host)
    {
        var maxTokens = new Option<int>("--max-tokens") { Description = "How many tokens an answer at most", HelpName = "N", DefaultValueFactory = _ => 512 }.AtLeast(1);
        var room = new Option<int>("--context") { Description = "How many tokens are remembered", HelpName = "N", DefaultValueFactory = _ => 2048 }.InRange(16, 1 << 20);
        var adapter = AdapterOption.Create();
        var sampling = new SamplingOptionSet(Standard);
        var cacheType = CacheTypeOption.Create();
        var command = new Command("chat", "Talk with the model; /reset starts anew, /exit ends") { maxTokens, room, adapter, cacheType };
        sampling.AddTo(command);
        host.Bind(command, context => Run(context, context.Get(adapter), CacheTypeOption.Parse(context.Get(cacheType)), context.Get(room), context.Get(maxTokens), sampling.Read(context)));
        return command;
    }

    private static int Run(CommandContext context, string? adapter, KeyValuePrecision? cachePrecision, int room, int maxTokens, SamplingOptions sampling)
    {
        using var engine = Engine.Load(context, adapter);
        engine.CachePrecision = cachePrecision;
        using var session = engine.CreateSession(room, ArithmeticPrecision.Served);
        var generator = new TextGenerator(session, engine.Tokenizer, context.Time);
        var turns = new List<PromptMessage>();
        var whole = new List<PromptMessage>();
        while (ReadTurn(context) is { } line and not "/exit")
        {
            if (line == "/reset")
            {
                turns.Clear();
                continue;
            }

            turns.Add(new PromptMessage(User, line));
            var prompt = Fit(context, engine, turns, session.ContextLength);
            var answer = Answer(context, generator, new GenerationRequest { Prompt = prompt, MaxTokens = maxTokens, Sampling = sampling });
            turns.Add(new PromptMessage(Assistant, answer));
            whole.AddRange(turns[^2..]);
        }

        context.Output.Result(
            json =>
            {
                json.WriteStartArray("turns");
                foreach (var turn in whole)
                {
                    json.WriteStartObject();
                    json.WriteString("role", turn.Role);
                    json.WriteString("content", turn.Content);
                    json.WriteEndObject();
                }

                json.WriteEndArray();
            },
            _ => { });
        return ExitCode.Done;
    }

    private static string? ReadTurn(CommandContext context)
    {
        string? line;
        do
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            context.Output.Prompt("> ");
            line = context.Streams.In.ReadLine();
        }
        while (line is not null && string.IsNullOrWhiteSpace(line));

        return line;
    }

    // What is oldest is forgotten first; half of the room is kept for the answer.
    private static int[] Fit(CommandContext context, Engine engine, List<PromptMessage> turns, int contextLength)
    {
        var prompt = engine.Chat.EncodePrompt(turns, addGenerationPrompt: true);
        if (prompt.Length <= contextLength / 2)
        {
            return prompt;
        }

        while (turns.Count > 1 && prompt.Length > contextLength / 2)
        {
            turns.RemoveRange(0, 2);
            prompt = engine.Chat.EncodePrompt(turns, addGenerationPrompt: true);
        }

        context.Output.Note("(the conversation is long: its oldest turns are forgotten)");
        return prompt.Length <= contextLength ? prompt : throw new ContextLengthException(prompt.Length, contextLength);
    }

    private static string Answer(CommandContext context, TextGenerator generator, GenerationRequest request)
    {
        var text = generator.Generate(request, context.CancellationToken);
        foreach (var token in text)
        {
            if (context.Output.IsForPeople)
            {
                context.Output.Text(token.Text);
            }
        }

        if (context.Output.IsForPeople)
        {
            context.Output.Text("\n");
        }

        return text.Result.Text;
    }
}
