namespace Personalize.Cli.Models;

/// <summary>A larger model that lies beside a checkout, in <c>../shared/models</c>: taken before the bundled one where the command runs from the checkout.</summary>
internal static class SharedModel
{
    private const string Solution = "Personalize.sln";

    /// <summary>The largest model there; null where there is none, or the command runs elsewhere.</summary>
    public static string? Find() => Find(AppContext.BaseDirectory);

    /// <summary>The same for a command in some folder.</summary>
    internal static string? Find(string commandDirectory)
    {
        for (var folder = new DirectoryInfo(commandDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, Solution)))
            {
                var models = new DirectoryInfo(Path.Combine(folder.FullName, "..", "shared", "models"));
                return models.Exists ? models.EnumerateFiles("*.gguf").MaxBy(file => file.Length)?.FullName : null;
            }
        }

        return null;
    }
}
