namespace Personalize.Cli.Models;

/// <summary>The small model that comes with the command: a file beside it, read by anyone, so that a first run needs neither a network nor a choice.</summary>
internal static class BundledModel
{
    /// <summary>What it is called on a command line.</summary>
    public const string Name = "errands";

    private const string FileName = Name + ".gguf";

    /// <summary>Where it lies; null where the command was built without it.</summary>
    public static string? Path
    {
        get
        {
            var path = System.IO.Path.Combine(AppContext.BaseDirectory, "models", FileName);
            return File.Exists(path) ? path : null;
        }
    }

    /// <summary>Whether a path names the bundled model of this command or of another build of it.</summary>
    public static bool IsBundled(string path) => string.Equals(System.IO.Path.GetFileName(path), FileName, StringComparison.Ordinal);
}
