using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Personalize.Cli.Hosting;
using Spectre.Console;

namespace Personalize.Cli.Presentation;

/// <summary>What a command says: its one result on standard output, everything else on standard error.</summary>
internal sealed class Output
{
    private const int PipeWidth = 160;
    private static readonly JsonWriterOptions JsonOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly ConsoleStreams _streams;
    private readonly TimeProvider _time;
    private readonly bool _quiet;

    public Output(ConsoleStreams streams, TimeProvider time, bool json, bool quiet)
    {
        _streams = streams;
        _time = time;
        IsJson = json;
        _quiet = quiet;
    }

    /// <summary>Whether the result is to be one JSON object.</summary>
    public bool IsJson { get; }

    /// <summary>Whether text may be streamed to standard output for a person.</summary>
    public bool IsForPeople => !IsJson;

    /// <summary>Writes the result in the form that was asked for.</summary>
    /// <param name="json">Writes the properties of the one object.</param>
    /// <param name="people">Writes for a person.</param>
    public void Result(Action<Utf8JsonWriter> json, Action<IAnsiConsole> people)
    {
        if (!IsJson)
        {
            people(Console(_streams.Out, _streams.IsOutTerminal));
            return;
        }

        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, JsonOptions))
        {
            writer.WriteStartObject();
            json(writer);
            writer.WriteEndObject();
        }

        _streams.Out.WriteLine(Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length));
    }

    /// <summary>Writes text as it is, but for control characters where a terminal would obey them.</summary>
    public void Text(string text)
    {
        _streams.Out.Write(_streams.IsOutTerminal ? TerminalText.Clean(text) : text);
        _streams.Out.Flush();
    }

    /// <summary>A note on standard error.</summary>
    public void Note(string line)
    {
        if (!_quiet)
        {
            _streams.Error.WriteLine(line);
        }
    }

    /// <summary>Something the person should know even when quiet.</summary>
    public void Warning(string line) => _streams.Error.WriteLine($"warning: {line}");

    /// <summary>Shows a person that it is their turn; a pipe sees nothing.</summary>
    public void Prompt(string mark)
    {
        if (_streams.IsInTerminal && _streams.IsErrorTerminal)
        {
            _streams.Error.Write(mark);
        }
    }

    /// <summary>Asks the person for something that is not shown.</summary>
    public string AskSecret(string what) => Console(_streams.Error, isTerminal: true).Prompt(new TextPrompt<string>($"{what}:").Secret(mask: null));

    /// <summary>Does long work and shows how far it is: a bar on a terminal, a line now and then in a pipe.</summary>
    /// <param name="title">What is being done.</param>
    /// <param name="work">Reports its progress.</param>
    /// <returns>What the work returns.</returns>
    public T WithProgress<T>(string title, Func<IProgress<WorkProgress>, T> work)
    {
        if (_quiet)
        {
            return work(new NoProgress());
        }

        return _streams.IsErrorTerminal
            ? ProgressBar.Run(Console(_streams.Error, isTerminal: true), title, work)
            : work(new ProgressLines(_streams.Error, _time, title));
    }

    private IAnsiConsole Console(TextWriter writer, bool isTerminal)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = isTerminal ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = isTerminal ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = isTerminal ? InteractionSupport.Detect : InteractionSupport.No,
        });
        if (!isTerminal)
        {
            console.Profile.Width = PipeWidth;
        }
        else if (_streams.Width is { } width)
        {
            console.Profile.Width = width;
        }

        console.Profile.Capabilities.Unicode = !isTerminal || _streams.IsUnicode;

        return console;
    }
}
