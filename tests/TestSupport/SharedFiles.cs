namespace Personalize.TestSupport;

/// <summary>Finds the repository and the optional folder of models, texts and oracles beside it.</summary>
internal static class SharedFiles
{
    public const string Model = "models/SmolLM2-135M-Instruct.Q4_1.gguf";

    public static string Repository { get; } = FindRepository();

    public static string Resolve(string relativePath) => Path.GetFullPath(Path.Combine(Repository, "..", "shared", relativePath));

    /// <summary>A small fixture that is committed with the tests.</summary>
    public static string Fixture(string relativePath) => Path.Combine(Repository, "tests", "Oracles", relativePath);

    public static string? ReasonToSkip(string relativePath)
    {
        var path = Resolve(relativePath);
        return File.Exists(path) || Directory.Exists(path) ? null : $"../shared/{relativePath} is not there";
    }

    private static string FindRepository()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "Personalize.sln")))
        {
            directory = directory.Parent;
        }

        return directory?.FullName ?? throw new InvalidOperationException("Personalize.sln was not found above the test assembly.");
    }
}
