using System.Diagnostics;

namespace Personalize.Cli.Diagnostics;

/// <summary>The memory that this process holds now.</summary>
internal static class ResidentMemory
{
    /// <summary>Resident bytes, as the system counts them.</summary>
    public static long Bytes()
    {
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }
}
