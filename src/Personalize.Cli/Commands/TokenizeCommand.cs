using System.CommandLine;
using Personalize.Cli.Hosting;
using Personalize.Cli.Models;
using Personalize.Cli.Options;
using Personalize.Core.Tokenization;

namespace Personalize.Cli.Commands;

/// <summary><c>tokenize</c>: text to ids, and back.</summary>
internal static class TokenizeCommand
{
    public static Command Create(CommandHost host)
    {
        var text = new Option<string?>("--text") { Description = "The text", HelpName = "T" };
        var file = new Option<string?>("--file") { Description = "A file that holds the text: UTF-8, also .gz", HelpName = "F" };
        var ids = TokenIds.Create("Ids to turn back into text");
        var plain = new Option<bool>("--plain") { Description = "Take special tokens such as <|im_end|> for plain text, as in what a person writes" };
        var command = new Command("tokenize", "Turn text into token ids, or ids into text") { text, file, ids, plain };
        command.RequireOneOf(text, file, ids);
        host.Bind(command, context => context.Get(ids) is { Length: > 0 } given
            ? Decode(context, given)
            : Encode(context, context.Get(text) ?? TextFile.Read(context.Get(file)!), parseSpecialTokens: !context.Get(plain)));
        return command;
    }

    private static int Encode(CommandContext context, string text, bool parseSpecialTokens)
    {
        var ids = LoadTokenizer(context).Encode(text, parseSpecialTokens);
        context.Output.Result(
            json =>
            {
                json.WriteStartArray("ids");
                foreach (var id in ids)
                {
                    json.WriteNumberValue(id);
                }

                json.WriteEndArray();
            },
            _ => context.Output.Text(string.Join(',', ids) + "\n"));
        return ExitCode.Done;
    }

    private static int Decode(CommandContext context, int[] ids)
    {
        var tokenizer = LoadTokenizer(context);
        TokenIds.Check(ids, tokenizer.VocabularySize);
        var text = tokenizer.Decode(ids, includeSpecialTokens: true);
        context.Output.Result(json => json.WriteString("text", text), _ => context.Output.Text(text + "\n"));
        return ExitCode.Done;
    }

    private static ITokenizer LoadTokenizer(CommandContext context)
    {
        using var file = ModelFile.Open(context);
        return GgufTokenizer.Load(file.Metadata);
    }
}
