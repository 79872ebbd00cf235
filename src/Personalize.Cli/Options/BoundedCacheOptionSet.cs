using System.CommandLine;
using System.CommandLine.Parsing;
using Personalize.Cli.Hosting;
using Personalize.Core.Models;
using Personalize.Inference.Decoding;

namespace Personalize.Cli.Options;

/// <summary><c>--sinks S</c> with <c>--window W</c> or <c>--cache W</c>: a stream of any length through a cache of fixed size.</summary>
internal sealed class BoundedCacheOptionSet
{
    /// <summary>What models that were trained without a sink token need (arXiv 2309.17453, table 2).</summary>
    private const int StandardSinks = 4;

    private readonly Option<int> _sinks;
    private readonly Option<int?> _window;

    /// <summary>Creates the options.</summary>
    /// <param name="windowName">What the window is called.</param>
    public BoundedCacheOptionSet(string windowName)
    {
        _window = new Option<int?>(windowName) { Description = "Stream through a bounded cache: each token sees the last W, its own included, and the first of all", HelpName = "W" }.AtLeast(1);
        _sinks = new Option<int>("--sinks") { Description = $"How many of the first tokens stay visible; with {windowName}", HelpName = "S", DefaultValueFactory = _ => StandardSinks }.AtLeast(0);
    }

    public void AddTo(Command command)
    {
        command.Options.Add(_sinks);
        command.Options.Add(_window);
        command.Validators.Add(result =>
        {
            if (result.GetResult(_sinks) is { Implicit: false } && result.GetResult(_window) is null or { Implicit: true })
            {
                result.AddError($"--sinks needs {_window.Name}: a cache that keeps all tokens has no sinks");
            }
        });
    }

    /// <summary>Whether the command line asks for a bounded cache.</summary>
    public bool IsGiven(SymbolResult result) => result.GetResult(_window) is { Implicit: false };

    /// <summary>The options of a bounded session, or null where the cache keeps all tokens.</summary>
    /// <param name="context">The command.</param>
    /// <param name="model">The model's sizes.</param>
    /// <param name="precision">The arithmetic.</param>
    /// <param name="draftTokens">How many drafted tokens may have to be taken back.</param>
    /// <exception cref="UsageException">The sizes fit neither each other nor the model.</exception>
    public DecoderSessionOptions? Read(CommandContext context, DecoderDescription model, ArithmeticPrecision precision, int draftTokens = 0)
    {
        if (context.Get(_window) is not { } window)
        {
            return null;
        }

        var sinks = context.Get(_sinks);
        if (window < sinks + draftTokens)
        {
            throw new UsageException($"{_window.Name} {window} is smaller than --sinks {sinks}{(draftTokens > 0 ? $" and {draftTokens} drafted tokens" : "")}: give a larger window or fewer sinks");
        }

        if ((long)sinks + window > model.ContextLength)
        {
            throw new UsageException($"--sinks {sinks} and {_window.Name} {window} are too large: the model was trained for {model.ContextLength} tokens");
        }

        return new DecoderSessionOptions { SinkTokenCount = sinks, WindowSize = window, RollbackTokens = draftTokens, Precision = precision };
    }
}
