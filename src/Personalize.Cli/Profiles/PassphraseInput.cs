using Personalize.Cli.Hosting;
using Personalize.Cli.Models;
using Personalize.Cli.Presentation;

namespace Personalize.Cli.Profiles;

/// <summary>Where a passphrase comes from: a file or the keyboard, never the command line, which other processes can read.</summary>
internal static class PassphraseInput
{
    /// <summary>The first line of a file.</summary>
    /// <exception cref="InputFileException">The file is missing, unreadable, or its first line is empty.</exception>
    public static string FromFile(string path)
    {
        var line = TextFile.Read(path).Split('\n', 2)[0].TrimEnd('\r');
        return line.Length > 0 ? line : throw new InputFileException(path, "its first line is empty: it must hold the passphrase");
    }

    /// <summary>Asks on the terminal without showing what is typed.</summary>
    public static string Ask(Output output) => output.AskSecret("passphrase");
}
