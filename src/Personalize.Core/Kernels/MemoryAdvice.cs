using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Personalize.Core.Kernels;

/// <summary>Tells the system how memory will be used. Wishes: where there is no such call, or nothing to give, nothing changes.</summary>
internal static unsafe partial class MemoryAdvice
{
    /// <summary>Linux's <c>MADV_DONTNEED</c>.</summary>
    private const int NotNeeded = 4;

    /// <summary>Linux's <c>MADV_HUGEPAGE</c>.</summary>
    private const int UseHugePages = 14;

    private const nuint PageBytes = 4096;

    /// <summary>Asks for large pages under memory that is streamed, before it is first written: the processor reads ahead within a page only, and finds fewer of them.</summary>
    /// <param name="start">The first byte.</param>
    /// <param name="length">How many bytes.</param>
    public static void UseLargePages(void* start, long length) => Advise(start, length, UseHugePages);

    /// <summary>Gives back what a read-only map of a file holds in memory: what was read once need not lie there beside what was made of it. Read again, it is fetched again.</summary>
    /// <param name="start">The first byte, in a map of a file: other memory would lose what it holds.</param>
    /// <param name="length">How many bytes.</param>
    public static void GiveBackFile(void* start, long length) => Advise(start, length, NotNeeded);

    private static void Advise(void* start, long length, int advice)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        // Pages that are covered in part are left alone.
        var first = ((nuint)start + PageBytes - 1) & ~(PageBytes - 1);
        var end = ((nuint)start + (nuint)length) & ~(PageBytes - 1);
        if (end > first)
        {
            _ = Advise((void*)first, end - first, advice);
        }
    }

    [SupportedOSPlatform("linux")]
    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* start, nuint length, int advice);
}
