using System.CommandLine;
using Personalize.Cli.Hosting;
using Personalize.Cli.Models;

namespace Personalize.Cli.Options;

/// <summary><c>--speculation off|lookup|history|draft</c> and <c>--draft-model PATH</c>.</summary>
internal sealed class SpeculationOptionSet
{
    private const string Off = "off";
    private const string Lookup = "lookup";
    private const string History = "history";
    private const string DraftName = "draft";
    private readonly Option<string> _kind = new Option<string>("--speculation")
    {
        Description = "Draft tokens from the text itself, from what the profile holds, or with a smaller model, and verify them together; the text stays the same",
        HelpName = "off|lookup|history|draft",
        DefaultValueFactory = _ => Off,
    }.OneOf(Off, Lookup, History, DraftName);

    private readonly Option<string?> _draftModel = new("--draft-model") { Description = "A smaller model (a GGUF file) with the same vocabulary, for --speculation draft", HelpName = "PATH" };

    public void AddTo(Command command)
    {
        command.Options.Add(_kind);
        command.Options.Add(_draftModel);
        command.Validators.Add(result =>
        {
            if (result.GetValue(_kind) == DraftName != (result.GetValue(_draftModel) is not null))
            {
                result.AddError("--speculation draft and --draft-model PATH go together");
            }
        });
    }

    /// <summary>Prepares what the command line asks for.</summary>
    /// <param name="context">Names the profile.</param>
    /// <param name="engine">The model that verifies.</param>
    /// <param name="contextLength">How many tokens a draft model's session has to hold.</param>
    public Drafting Start(CommandContext context, Engine engine, int contextLength) => context.Get(_kind) switch
    {
        Lookup => Drafting.FromText(),
        History => Drafting.FromHistory(context, engine),
        DraftName => Drafting.FromModel(context, engine, context.Get(_draftModel)!, contextLength),
        _ => Drafting.None(),
    };
}
