namespace Personalize.Cli.Hosting;

/// <summary>How a person starts this command, for the lines that tell what to try next.</summary>
internal static class CommandName
{
    /// <summary>The name of the tool, or <c>dotnet run</c> where the command runs from a checkout.</summary>
    public static string Current { get; } = Of(AppContext.BaseDirectory, Environment.CurrentDirectory);

    /// <summary>The same for a program in some folder.</summary>
    /// <param name="program">The folder of the program.</param>
    /// <param name="current">The folder the person is in.</param>
    public static string Of(string program, string current)
    {
        const string Project = "src/Personalize.Cli";
        var folder = program.Replace('\\', '/');
        return folder.Contains($"{Project}/bin/", StringComparison.Ordinal) && Directory.Exists(Path.Combine(current, Project))
            ? $"dotnet run --project {Project} -c Release --"
            : "personalize";
    }
}
