using System.CommandLine;
using Personalize.Cli.Hosting;
using Personalize.Cli.Models;
using Personalize.Cli.Models.Pull;

namespace Personalize.Cli.Commands;

/// <summary><c>models pull</c>: downloads a known model. The only command that opens a connection.</summary>
internal static class ModelsPullCommand
{
    private const int Sha256Digits = 64;

    public static Command Create(CommandHost host)
    {
        var name = new Argument<string>("name") { Description = "A model of models list" };
        var to = new Option<string?>("--to") { Description = "The folder of models [default: one for all profiles]", HelpName = "DIR" };
        var from = new Option<string?>("--from") { Description = "Fetch from this address in place of the known one, like a mirror's", HelpName = "URL" };
        var sha256 = new Option<string?>("--sha256") { Description = "The checksum that the file must have", HelpName = "HEX" };
        var force = new Option<bool>("--force") { Description = "Fetch it also where it is there already" };
        from.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && Address(token.Value) is null)
            {
                result.AddError($"--from {token.Value} is no address that begins with http:// or https://");
            }
        });
        sha256.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && !(token.Value.Length == Sha256Digits && token.Value.All(char.IsAsciiHexDigit)))
            {
                result.AddError($"--sha256 must be {Sha256Digits} hexadecimal digits");
            }
        });
        var command = new Command("pull", "Download a known model; the only command that opens a connection") { name, to, from, sha256, force };
        host.Bind(command, context =>
        {
            var wanted = context.Get(name);
            if (wanted == BundledModel.Name)
            {
                throw new UsageException($"{wanted} comes with the command: it need not be pulled");
            }

            var model = KnownModels.Find(wanted) ?? throw new UsageException(
                $"models list has no {wanted}{Suggestion.For(wanted, KnownModels.All.Select(known => known.Name))} A file of your own goes with --model PATH");
            var target = Path.GetFullPath(Path.Combine(context.Get(to) ?? ModelFolder.Default, model.FileName));
            if (File.Exists(target) && !context.Get(force))
            {
                context.Output.Result(
                    json =>
                    {
                        json.WriteString("name", model.Name);
                        json.WriteString("path", target);
                        json.WriteBoolean("alreadyThere", true);
                    },
                    console => console.Profile.Out.Writer.WriteLine($"{target} is there already; --force fetches it again"));
                return ExitCode.Done;
            }

            return Run(context, model, context.Get(from) is { } address ? Address(address)! : model.Address, target, context.Get(sha256));
        });
        return command;
    }

    private static int Run(CommandContext context, KnownModel model, Uri address, string target, string? sha256)
    {
        context.Output.Note($"{model.Title}, {model.License}, about {model.ApproximateBytes / 1e6:F0} MB, from {address.Host}");
        if (!model.IsServed)
        {
            context.Output.Warning($"this version does not serve models of the family {model.Architecture}");
        }

        using var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, ConnectTimeout = TimeSpan.FromSeconds(20) }) { Timeout = Timeout.InfiniteTimeSpan };
        var download = new ModelDownload(client, new DownloadOptions(), context.Time);
        var result = context.Output.WithProgress("pulling", progress => download.RunAsync(address, target, sha256, model.Sha256, progress, context.CancellationToken).GetAwaiter().GetResult());
        context.Output.Result(
            json =>
            {
                json.WriteString("name", model.Name);
                json.WriteString("path", result.Path);
                json.WriteBoolean("alreadyThere", false);
                json.WriteNumber("bytes", result.Bytes);
                json.WriteString("sha256", result.Sha256);
                json.WriteString("check", result.Check);
                json.WriteNumber("resumedFrom", result.ResumedFrom);
                json.WriteString("license", model.License);
            },
            console =>
            {
                var writer = console.Profile.Out.Writer;
                writer.WriteLine($"{result.Path}: {result.Bytes} bytes");
                writer.WriteLine($"sha256 {result.Sha256}, {CheckText(result.Check)}");
                writer.WriteLine($"use it: {CommandName.Current} chat --model {model.Name}");
            });
        return ExitCode.Done;
    }

    private static string CheckText(string check) => check switch
    {
        "given" => "as you gave it",
        "known" => "as known",
        "server" => "as the server told beside the file",
        _ => "which nobody told beforehand: compare it where you trust the answer",
    };

    private static Uri? Address(string text) => Uri.TryCreate(text, UriKind.Absolute, out var address) && address.Scheme is "http" or "https" ? address : null;
}
