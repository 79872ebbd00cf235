namespace Personalize.Cli.Profiles;

/// <summary>A folder for a profile that is not to outlive a command. What lies in it is sealed like in any profile.</summary>
internal sealed class TemporaryProfileFolder : IDisposable
{
    /// <summary>The folder, readable by its owner alone.</summary>
    public string Path { get; } = Directory.CreateTempSubdirectory("personalize-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
