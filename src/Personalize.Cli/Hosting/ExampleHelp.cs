using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Personalize.Cli.Hosting;

/// <summary>Adds examples to the help of each command.</summary>
internal sealed class ExampleHelp : SynchronousCommandLineAction
{
    private readonly HelpAction _help;

    private ExampleHelp(HelpAction help) => _help = help;

    /// <summary>Help is asked for to be read: a mistake elsewhere on the line does not matter.</summary>
    public override bool ClearsParseErrors => true;

    /// <summary>Puts the examples behind the help of a tree of commands.</summary>
    public static void AddTo(RootCommand root)
    {
        var option = root.Options.OfType<HelpOption>().Single();
        option.Action = new ExampleHelp((HelpAction)option.Action!);
    }

    public override int Invoke(ParseResult parseResult)
    {
        var code = _help.Invoke(parseResult);
        var path = PathOf(parseResult.CommandResult);
        if (CommandExamples.Of(path) is { Count: > 0 } examples)
        {
            var output = parseResult.InvocationConfiguration.Output;
            output.WriteLine("Examples:");
            foreach (var example in examples)
            {
                output.WriteLine($"  personalize {example}");
            }

            output.WriteLine();
        }

        return code;
    }

    private static string PathOf(System.CommandLine.Parsing.CommandResult result)
    {
        var names = new Stack<string>();
        for (System.CommandLine.Parsing.SymbolResult? step = result; step is not null; step = step.Parent)
        {
            if (step is System.CommandLine.Parsing.CommandResult { Command: not RootCommand } command)
            {
                names.Push(command.Command.Name);
            }
        }

        return string.Join(' ', names);
    }
}
