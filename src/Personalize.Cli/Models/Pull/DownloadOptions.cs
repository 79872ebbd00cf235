namespace Personalize.Cli.Models.Pull;

/// <summary>How patient a download is.</summary>
internal sealed class DownloadOptions
{
    /// <summary>How long a server may say nothing.</summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How often in a row it may fail without bringing anything new.</summary>
    public int MostFailures { get; init; } = 5;

    /// <summary>How many new bytes make a failure the first one again.</summary>
    public long Enough { get; init; } = 1 << 20;

    /// <summary>The pause after the first failure; it doubles from one to the next.</summary>
    public TimeSpan Pause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How much room is left on the disk of a folder.</summary>
    public Func<string, long> FreeBytes { get; init; } = folder => new DriveInfo(Path.GetFullPath(folder)).AvailableFreeSpace;
}
