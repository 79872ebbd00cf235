using Personalize.Core.Errors;

namespace Personalize.Core.Security;

/// <summary>Turns what the file system says into the profile's own error.</summary>
internal static class FileSystemFaults
{
    // errno in the low 16 bits of HResult on Unix; Win32 codes in the same place on Windows.
    private const int NoSpaceUnix = 28;
    private const int QuotaUnix = 122;
    private const int FileTooBigUnix = 27;
    private const int ReadOnlyFileSystemUnix = 30;
    private const int HandleDiskFullWindows = 39;
    private const int DiskFullWindows = 112;

    /// <summary>Whether an exception is the file system's. A write past the largest size a file may have is to .NET an argument out of range.</summary>
    public static bool IsFault(Exception exception) => exception is IOException or UnauthorizedAccessException || IsFileTooBig(exception);

    public static ProfileAccessException Translate(string path, Exception exception, bool writing)
    {
        var code = exception.HResult & 0xFFFF;
        var error = exception switch
        {
            UnauthorizedAccessException => writing ? ProfileAccessError.NotWritable : ProfileAccessError.NotReadable,
            DirectoryNotFoundException or FileNotFoundException => writing ? ProfileAccessError.NotWritable : ProfileAccessError.NotReadable,
            _ when IsFileTooBig(exception) || code is NoSpaceUnix or QuotaUnix or FileTooBigUnix or HandleDiskFullWindows or DiskFullWindows => ProfileAccessError.DiskFull,
            _ when code == ReadOnlyFileSystemUnix => ProfileAccessError.NotWritable,
            _ => ProfileAccessError.DeviceFailed,
        };
        return new ProfileAccessException(error, path, exception);
    }

    private static bool IsFileTooBig(Exception exception) => exception is ArgumentOutOfRangeException { ParamName: "value" };
}
