namespace Personalize.Core.Errors;

/// <summary>Another process, or another part of this one, is writing to the profile.</summary>
public sealed class ProfileLockedException : PersonalizeException
{
    /// <summary>Creates the error.</summary>
    /// <param name="path">The lock or the database that is held.</param>
    /// <param name="innerException">The file system's or the database's own error.</param>
    public ProfileLockedException(string path, Exception? innerException = null)
        : base($"{path}: the profile is in use by another process: wait until it is done, or end it", innerException) => Path = path;

    /// <summary>The lock or the database that is held.</summary>
    public string Path { get; }
}
