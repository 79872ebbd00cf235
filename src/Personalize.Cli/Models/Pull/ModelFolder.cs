namespace Personalize.Cli.Models.Pull;

/// <summary>Where pulled models lie: one folder for all profiles of a person, since they are large and hold nothing of them.</summary>
internal static class ModelFolder
{
    /// <summary>The folder where none is named.</summary>
    public static string Default { get; } =
        Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify), "personalize-models");
}
