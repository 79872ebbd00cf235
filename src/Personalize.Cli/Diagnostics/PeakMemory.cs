using System.Diagnostics;

namespace Personalize.Cli.Diagnostics;

/// <summary>The most memory this process ever held at once.</summary>
internal static class PeakMemory
{
    /// <summary>Resident bytes, as the system counts them.</summary>
    public static long Bytes()
    {
        using var process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64;
    }
}
