using Personalize.Core.Errors;
using Personalize.Core.Security;

namespace Personalize.Core.Profiles;

/// <summary>The one writer of a profile holds this file open exclusively (<c>flock</c> on Unix, a share mode on Windows); the system releases it when the process ends, however it ends.</summary>
internal sealed class ProfileLock : IDisposable
{
    // EWOULDBLOCK on Linux and macOS; sharing and lock violation on Windows.
    private const int WouldBlockLinux = 11;
    private const int WouldBlockMac = 35;
    private const int SharingViolation = 32;
    private const int LockViolation = 33;

    private readonly FileStream _file;

    private ProfileLock(FileStream file) => _file = file;

    public static ProfileLock Acquire(string path)
    {
        try
        {
            var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None, BufferSize = 0 };
            if (!OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = DurableFile.OwnerOnlyFile;
            }

            return new ProfileLock(new FileStream(path, options));
        }
        catch (IOException exception) when ((exception.HResult & 0xFFFF) is WouldBlockLinux or WouldBlockMac or SharingViolation or LockViolation)
        {
            throw new ProfileLockedException(path, exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw FileSystemFaults.Translate(path, exception, writing: true);
        }
    }

    // The file stays: deleting it would let two writers hold two files of one name.
    public void Dispose() => _file.Dispose();
}
