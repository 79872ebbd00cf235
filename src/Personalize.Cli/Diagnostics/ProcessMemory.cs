using System.Diagnostics;

namespace Personalize.Cli.Diagnostics;

/// <summary>The memory of this process in resident bytes, as the system counts them.</summary>
internal static class ProcessMemory
{
    /// <summary>What it holds now.</summary>
    public static long ResidentBytes()
    {
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }

    /// <summary>The most it ever held at once.</summary>
    public static long PeakBytes()
    {
        using var process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64;
    }
}
