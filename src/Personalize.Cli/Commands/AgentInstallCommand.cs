using System.CommandLine;
using System.Security;
using Personalize.Cli.Hosting;
using Personalize.Cli.Options;

namespace Personalize.Cli.Commands;

/// <summary><c>agent install --print</c>: what the system's own scheduler needs to run the agent. Nothing is installed.</summary>
internal static class AgentInstallCommand
{
    private const int Minutes = 15;
    private const string Linux = "linux";
    private const string Mac = "macos";
    private const string Windows = "windows";

    public static Command Create(CommandHost host)
    {
        var print = new Option<bool>("--print") { Description = "Print the files and where they belong", Required = true };
        var system = new Option<string>("--for") { Description = "Which system", HelpName = "SYSTEM", DefaultValueFactory = _ => OperatingSystem.IsWindows() ? Windows : OperatingSystem.IsMacOS() ? Mac : Linux }.OneOf(Linux, Mac, Windows);
        var command = new Command("install", "A systemd user unit with its timer, a launchd agent, or a Windows task that runs the agent") { print, system };
        host.Bind(command, context =>
        {
            var files = Files(context.Get(system), CommandLine(context));
            context.Output.Result(
                json =>
                {
                    json.WriteStartArray("files");
                    foreach (var (path, content, then) in files)
                    {
                        json.WriteStartObject();
                        json.WriteString("path", path);
                        json.WriteString("content", content);
                        json.WriteString("then", then);
                        json.WriteEndObject();
                    }

                    json.WriteEndArray();
                },
                _ =>
                {
                    foreach (var (path, content, then) in files)
                    {
                        context.Output.Text($"# {path}\n{content}\n");
                        context.Output.Note($"{path}: {then}");
                    }
                });
            return ExitCode.Done;
        });
        return command;
    }

    /// <summary>The program and what it is told: the profile and the model as this command was given them.</summary>
    private static List<string> CommandLine(CommandContext context)
    {
        var program = Environment.ProcessPath ?? "personalize";
        List<string> line = Path.GetFileNameWithoutExtension(program) == "dotnet" ? [program, Path.Combine(AppContext.BaseDirectory, "personalize.dll")] : [program];
        line.AddRange(["agent", "run", "--once", "--quiet", "--data", context.DataDirectory]);
        if (context.ModelName is { } model)
        {
            line.AddRange(["--model", File.Exists(model) ? Path.GetFullPath(model) : model]);
        }

        if (context.PassphraseFile is { } passphrase)
        {
            line.AddRange(["--passphrase-file", Path.GetFullPath(passphrase)]);
        }

        return line;
    }

    private static List<(string Path, string Content, string Then)> Files(string system, List<string> line) => system switch
    {
        Linux =>
        [
            ("~/.config/systemd/user/personalize-agent.service", Service(line), "then systemctl --user daemon-reload"),
            ("~/.config/systemd/user/personalize-agent.timer", Timer, "then systemctl --user enable --now personalize-agent.timer"),
        ],
        Mac => [("~/Library/LaunchAgents/personalize.agent.plist", Plist(line), "then launchctl bootstrap gui/$(id -u) ~/Library/LaunchAgents/personalize.agent.plist")],
        _ => [("personalize-agent.xml", Task(line), "then schtasks /Create /TN Personalize /XML personalize-agent.xml")],
    };

    // Looks that end with "not now" are no failures; work itself has the lowest priority there is.
    private static string Service(List<string> line) => $"""
        [Unit]
        Description=Personalize: learn from what was recorded, while nobody needs the machine

        [Service]
        Type=oneshot
        ExecStart={string.Join(' ', line.Select(QuoteForUnit))}
        SuccessExitStatus=3
        Nice=19
        CPUSchedulingPolicy=idle
        IOSchedulingClass=idle
        KillSignal=SIGTERM
        TimeoutStopSec=10
        NoNewPrivileges=yes

        """;

    private static string Timer => $"""
        [Unit]
        Description=Personalize: look every {Minutes} minutes whether to learn

        [Timer]
        OnStartupSec={Minutes}min
        OnUnitInactiveSec={Minutes}min

        [Install]
        WantedBy=timers.target

        """;

    private static string Plist(List<string> line) => $"""
        <?xml version="1.0" encoding="UTF-8"?>
        <!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
        <plist version="1.0">
        <dict>
          <key>Label</key>
          <string>personalize.agent</string>
          <key>ProgramArguments</key>
          <array>
        {string.Join('\n', line.Select(word => $"    <string>{SecurityElement.Escape(word)}</string>"))}
          </array>
          <key>StartInterval</key>
          <integer>{Minutes * 60}</integer>
          <key>ProcessType</key>
          <string>Background</string>
          <key>LowPriorityIO</key>
          <true/>
          <key>Nice</key>
          <integer>19</integer>
        </dict>
        </plist>

        """;

    private static string Task(List<string> line) => $"""
        <?xml version="1.0" encoding="UTF-16"?>
        <Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
          <RegistrationInfo>
            <Description>Personalize: learn from what was recorded, while nobody needs the machine</Description>
          </RegistrationInfo>
          <Triggers>
            <TimeTrigger>
              <StartBoundary>2020-01-01T00:00:00</StartBoundary>
              <Repetition>
                <Interval>PT{Minutes}M</Interval>
              </Repetition>
            </TimeTrigger>
          </Triggers>
          <Settings>
            <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
            <DisallowStartIfOnBatteries>true</DisallowStartIfOnBatteries>
            <StopIfGoingOnBatteries>true</StopIfGoingOnBatteries>
            <RunOnlyIfIdle>true</RunOnlyIfIdle>
            <IdleSettings>
              <StopOnIdleEnd>true</StopOnIdleEnd>
              <RestartOnIdle>true</RestartOnIdle>
            </IdleSettings>
            <ExecutionTimeLimit>PT12H</ExecutionTimeLimit>
            <Priority>9</Priority>
          </Settings>
          <Actions>
            <Exec>
              <Command>{SecurityElement.Escape(line[0])}</Command>
              <Arguments>{SecurityElement.Escape(string.Join(' ', line.Skip(1).Select(QuoteForWindows)))}</Arguments>
            </Exec>
          </Actions>
        </Task>

        """;

    // systemd expands % and $ and splits at spaces; C-style escapes within quotes.
    private static string QuoteForUnit(string word)
    {
        var escaped = word.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("%", "%%", StringComparison.Ordinal).Replace("$", "$$", StringComparison.Ordinal);
        return escaped.Any(c => char.IsWhiteSpace(c) || c is '"' or '\'' or '\\' or ';' or '#') ? $"\"{escaped}\"" : escaped;
    }

    // A backslash before the closing quote would escape it.
    private static string QuoteForWindows(string word) => word.Any(char.IsWhiteSpace) ? $"\"{(word.EndsWith('\\') ? word + "\\" : word)}\"" : word;
}
