using System.CommandLine;
using Personalize.Cli.Hosting;
using Personalize.Cli.Options;
using Personalize.Cli.Profiles;

namespace Personalize.Cli.Commands;

/// <summary><c>store passphrase</c>: protects the profile by another passphrase, or by a key file, and changes the key with it.</summary>
internal static class StorePassphraseCommand
{
    public static Command Create(CommandHost host)
    {
        var file = new Option<string>("--new-passphrase-file") { Description = "A file whose first line is the new passphrase [default: asked for]", HelpName = "FILE" };
        var remove = new Option<bool>("--remove") { Description = "Protect the profile by a key file in its folder, without a passphrase" };
        var command = new Command("passphrase", "Protect the profile by a new passphrase; who knew the old one opens nothing any more") { file, remove };
        command.Validators.Add(result =>
        {
            if (result.GetResult(file) is { Implicit: false } && result.GetResult(remove) is { Implicit: false })
            {
                result.AddError("--new-passphrase-file and --remove exclude each other");
            }
        });
        host.Bind(command, context =>
        {
            using var profile = ProfileAccess.OpenExistingForWriting(context);
            var passphrase = context.Get(remove) ? null : context.IsGiven(file) ? PassphraseInput.FromFile(context.Get(file)) : AskTwice(context);
            profile.ChangePassphrase(passphrase);
            context.Passphrase = passphrase;
            context.Output.Result(
                json =>
                {
                    json.WriteString("protector", passphrase is null ? "file" : "passphrase");
                    json.WriteString("keyId", profile.KeyId);
                },
                _ => context.Output.Text(passphrase is null ? "protected by a key file\n" : "protected by the new passphrase\n"));
            return ExitCode.Done;
        });
        return command;
    }

    private static string AskTwice(CommandContext context)
    {
        if (!context.Streams.IsInTerminal)
        {
            throw new UsageException("the new passphrase cannot be asked for here: give --new-passphrase-file, or --remove");
        }

        var passphrase = context.Output.AskSecret("new passphrase");
        return string.Equals(passphrase, context.Output.AskSecret("again"), StringComparison.Ordinal) ? passphrase : throw new UsageException("the two are not the same; nothing was changed");
    }
}
