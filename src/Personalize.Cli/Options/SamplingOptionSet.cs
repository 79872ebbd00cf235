using System.CommandLine;
using Personalize.Cli.Hosting;
using Personalize.Inference.Sampling;

namespace Personalize.Cli.Options;

/// <summary>The options of sampling that <c>generate</c> and <c>chat</c> share.</summary>
internal sealed class SamplingOptionSet
{
    private readonly Option<float> _temperature;
    private readonly Option<int> _topK;
    private readonly Option<float> _topP;
    private readonly Option<float> _minP;
    private readonly Option<float> _repeatPenalty;

    /// <summary>Creates the options with a command's own defaults.</summary>
    public SamplingOptionSet(SamplingOptions standard)
    {
        _temperature = new Option<float>("--temperature") { Description = "0 always takes the most probable token", HelpName = "X", DefaultValueFactory = _ => standard.Temperature }.InRange(0, 100);
        _topK = new Option<int>("--top-k") { Description = "Only the K most probable tokens; 0 for all", HelpName = "K", DefaultValueFactory = _ => standard.TopK }.AtLeast(0);
        _topP = new Option<float>("--top-p") { Description = "Only the most probable tokens that reach this sum", HelpName = "P", DefaultValueFactory = _ => standard.TopP }.Above(0, 1);
        _minP = new Option<float>("--min-p") { Description = "Only tokens at least this fraction as probable as the most probable", HelpName = "P", DefaultValueFactory = _ => standard.MinP }.InRange(0, 1);
        _repeatPenalty = new Option<float>("--repeat-penalty") { Description = "Above 1 discourages recent tokens", HelpName = "X", DefaultValueFactory = _ => standard.RepetitionPenalty }.Above(0, 100);
    }

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _temperature, _topK, _topP, _minP, _repeatPenalty })
        {
            command.Options.Add(option);
        }
    }

    /// <summary>What the command line says; without <c>--seed</c> every run draws other numbers.</summary>
    public SamplingOptions Read(CommandContext context) => new()
    {
        Temperature = context.Get(_temperature),
        TopK = context.Get(_topK),
        TopP = context.Get(_topP),
        MinP = context.Get(_minP),
        RepetitionPenalty = context.Get(_repeatPenalty),
        Seed = (ulong)(context.Seed ?? Random.Shared.Next()),
    };
}
