namespace Personalize.Core.Errors;

/// <summary>Why a profile's folder cannot be used. The numbers are stable.</summary>
public enum ProfileAccessError
{
    /// <summary>There is no profile, and it was opened for reading only.</summary>
    NotFound = 1,

    /// <summary>The path is a file, or goes through one.</summary>
    NotADirectory = 2,

    /// <summary>The folder or a file in it cannot be written.</summary>
    NotWritable = 3,

    /// <summary>The folder or a file in it cannot be read.</summary>
    NotReadable = 4,

    /// <summary>There is no space left.</summary>
    DiskFull = 5,

    /// <summary>The device failed to read or write.</summary>
    DeviceFailed = 6,

    /// <summary>The profile was opened for reading only.</summary>
    OpenedForReading = 7,
}
