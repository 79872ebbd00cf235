using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Personalize.Core.Errors;

namespace Personalize.Core.Security;

/// <summary>Replaces files so that a kill or a power cut at any moment leaves either the old content or the new: write beside, flush to the device, rename, flush the folder.</summary>
internal static partial class DurableFile
{
    /// <summary>Files with this ending are remains of a write that was cut short.</summary>
    public const string TemporaryExtension = ".personalize-partial";

    public const UnixFileMode OwnerOnlyFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    public const UnixFileMode OwnerOnlyDirectory = OwnerOnlyFile | UnixFileMode.UserExecute;

    /// <summary>Writes a file that only its owner can read, replacing one that is there.</summary>
    /// <exception cref="ProfileAccessException">The file system refused; what was there before is untouched.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        var temporary = $"{path}.{RandomNumberGenerator.GetHexString(8, lowercase: true)}{TemporaryExtension}";
        try
        {
            try
            {
                using (var stream = CreateOwnerOnly(temporary))
                {
                    write(stream);
                    stream.Flush(flushToDisk: true);
                }

                File.Move(temporary, path, overwrite: true);
            }
            catch
            {
                File.Delete(temporary);
                throw;
            }

            FlushDirectory(Path.GetDirectoryName(path)!);
        }
        catch (Exception exception) when (FileSystemFaults.IsFault(exception))
        {
            throw FileSystemFaults.Translate(path, exception, writing: true);
        }
    }

    /// <summary>As <see cref="Write"/>, and overwrites what was there before once its name is gone: for keys, whose old bytes must not lie about. On flash memory and on file systems that copy on write the device may keep them all the same.</summary>
    /// <exception cref="ProfileAccessException">The file system refused; what was there before is untouched.</exception>
    public static void Replace(string path, Action<Stream> write)
    {
        // On Windows a file that is open cannot be renamed over; there the old bytes stay until the space is used again.
        using var old = !OperatingSystem.IsWindows() && File.Exists(path) ? OpenToShred(path) : null;
        Write(path, write);
        Overwrite(path, old);
    }

    /// <summary>Overwrites a file and deletes it; nothing happens where there is none.</summary>
    /// <exception cref="ProfileAccessException">The file system refused.</exception>
    public static void Shred(string path)
    {
        if (File.Exists(path))
        {
            using (var old = OpenToShred(path))
            {
                Overwrite(path, old);
            }

            Delete(path);
        }
    }

    /// <summary>Creates a file of mode 0600 that must not exist yet.</summary>
    public static FileStream CreateOwnerOnly(string path)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = OwnerOnlyFile;
        }

        return new FileStream(path, options);
    }

    /// <summary>Creates a folder of mode 0700, and its parents, unless it is there.</summary>
    public static void CreateDirectory(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
        }
        else
        {
            Directory.CreateDirectory(path, OwnerOnlyDirectory);
        }
    }

    /// <summary>Deletes a file for good: after a power cut it stays deleted.</summary>
    public static void Delete(string path)
    {
        try
        {
            File.Delete(path);
            FlushDirectory(Path.GetDirectoryName(path)!);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw FileSystemFaults.Translate(path, exception, writing: true);
        }
    }

    /// <summary>Removes what writes that were cut short left in a folder.</summary>
    public static void RemoveRemains(string directory)
    {
        foreach (var remains in Directory.EnumerateFiles(directory, "*" + TemporaryExtension))
        {
            File.Delete(remains);
        }
    }

    private static FileStream OpenToShred(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        }
        catch (Exception exception) when (FileSystemFaults.IsFault(exception))
        {
            throw FileSystemFaults.Translate(path, exception, writing: true);
        }
    }

    private static void Overwrite(string path, FileStream? old)
    {
        if (old is null)
        {
            return;
        }

        try
        {
            old.Write(new byte[old.Length]);
            old.Flush(flushToDisk: true);
        }
        catch (Exception exception) when (FileSystemFaults.IsFault(exception))
        {
            throw FileSystemFaults.Translate(path, exception, writing: true);
        }
    }

    /// <summary>Makes renames and deletions in a folder survive a power cut. .NET has no call for it; Windows writes them through its journal.</summary>
    public static void FlushDirectory(string directory)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        var descriptor = OpenFile(directory, 0);
        if (descriptor < 0)
        {
            throw new IOException($"{directory}: cannot be opened to be flushed", Marshal.GetLastPInvokeError());
        }

        // Some file systems cannot flush a folder and say so; the rename is then as durable as they make it.
        _ = SynchronizeFile(descriptor);
        _ = CloseFile(descriptor);
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int OpenFile(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SynchronizeFile(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int CloseFile(int descriptor);
}
