using Personalize.Core.Errors;

namespace Personalize.Core.Tests.Formats;

/// <summary>Opens hostile files: nothing but success or the typed error may come, within the bound on memory.</summary>
internal static class OpeningCost
{
    // The bound that the format readers promise: 4 x the file + 16 MiB.
    private const long FileFactor = 4;
    private const long Allowance = 16 << 20;

    public static ModelFormatException? Open(string path, Func<string, IDisposable> open)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        ModelFormatException? error = null;
        try
        {
            open(path).Dispose();
        }
        catch (ModelFormatException e)
        {
            error = e;
        }

        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        var bound = (FileFactor * new FileInfo(path).Length) + Allowance;
        Assert.True(allocated <= bound, $"opening allocated {allocated} bytes, more than {bound}");
        return error;
    }
}
