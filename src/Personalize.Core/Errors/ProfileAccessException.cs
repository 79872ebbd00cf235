namespace Personalize.Core.Errors;

/// <summary>The file system refused what the profile needs. What was stored before is untouched; nothing is half-written.</summary>
public sealed class ProfileAccessException : PersonalizeException
{
    /// <summary>Creates the error.</summary>
    /// <param name="error">What was refused.</param>
    /// <param name="path">The file or folder.</param>
    /// <param name="innerException">The file system's own error.</param>
    public ProfileAccessException(ProfileAccessError error, string path, Exception? innerException = null)
        : base($"{path}: {Describe(error)}", innerException)
    {
        Error = error;
        Path = path;
    }

    /// <summary>What was refused.</summary>
    public ProfileAccessError Error { get; }

    /// <summary>The file or folder.</summary>
    public string Path { get; }

    private static string Describe(ProfileAccessError error) => error switch
    {
        ProfileAccessError.NotFound => "there is no profile here: record or import something first, or check the path",
        ProfileAccessError.NotADirectory => "is a file or goes through one, not a folder: choose another path",
        ProfileAccessError.NotWritable => "cannot be written: make the folder writable or choose another one",
        ProfileAccessError.NotReadable => "cannot be read: check its permissions",
        ProfileAccessError.DiskFull => "no space is left on the device: free some and try again",
        ProfileAccessError.DeviceFailed => "the device failed to read or write: check it and try again",
        _ => "the profile was opened for reading only: open it for writing",
    };
}
