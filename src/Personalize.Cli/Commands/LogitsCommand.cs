using System.CommandLine;
using System.Runtime.InteropServices;
using Personalize.Cli.Hosting;
using Personalize.Cli.Models;
using Personalize.Cli.Options;
using Personalize.Core.Errors;
using Personalize.Core.Models;

namespace Personalize.Cli.Commands;

/// <summary><c>logits</c>: the logits of given tokens as a raw file.</summary>
internal static class LogitsCommand
{
    public static Command Create(CommandHost host)
    {
        var ids = TokenIds.Create("The tokens to feed");
        ids.Required = true;
        var target = new Option<string>("--out") { Description = "Receives little-endian float32, row-major [ids, vocabulary]", HelpName = "F", Required = true };
        var precision = PrecisionOption.Create(ArithmeticPrecision.Single);
        var adapter = AdapterOption.Create();
        var command = new Command("logits", "Write the logits after each of some tokens to a file") { ids, target, adapter, precision };
        host.Bind(command, context => Run(context, context.Get(ids)!, context.Get(target), context.Get(adapter), PrecisionOption.Parse(context.Get(precision))));
        return command;
    }

    private static int Run(CommandContext context, int[] ids, string path, string? adapter, ArithmeticPrecision precision)
    {
        using var engine = Engine.Load(context, adapter);
        TokenIds.Check(ids, engine.Model.Description.VocabularySize);
        if (ids.Length > engine.Model.Description.ContextLength)
        {
            throw new ContextLengthException(ids.Length, engine.Model.Description.ContextLength);
        }

        using var session = engine.CreateSession(ids.Length, precision);
        OutputFile.Write(path, stream => session.Feed(ids, (_, logits) => stream.Write(MemoryMarshal.AsBytes(logits)), onHiddenState: null, context.CancellationToken));
        context.Output.Result(
            json =>
            {
                json.WriteNumber("rows", ids.Length);
                json.WriteNumber("columns", session.VocabularySize);
            },
            _ => context.Output.Text($"{ids.Length} rows of {session.VocabularySize} logits\n"));
        return ExitCode.Done;
    }
}
