using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Personalize.Core.Kernels;

/// <summary>Asks the system for large pages under memory that is streamed: the processor reads ahead within a page only, and finds fewer of them.</summary>
internal static unsafe partial class LargePages
{
    /// <summary>Linux's <c>MADV_HUGEPAGE</c>.</summary>
    private const int UseHugePages = 14;

    private const nuint PageBytes = 4096;

    /// <summary>Asks before the memory is first written. A wish: where the system has none to give, or there is no such call, nothing changes.</summary>
    /// <param name="start">The first byte.</param>
    /// <param name="length">How many bytes.</param>
    public static void Request(void* start, long length)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        var first = ((nuint)start + PageBytes - 1) & ~(PageBytes - 1);
        var end = ((nuint)start + (nuint)length) & ~(PageBytes - 1);
        if (end > first)
        {
            _ = Advise((void*)first, end - first, UseHugePages);
        }
    }

    [SupportedOSPlatform("linux")]
    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* start, nuint length, int advice);
}
