namespace Personalize.Cli.Models.Pull;

/// <summary>Why a file could not be brought.</summary>
internal enum DownloadError
{
    /// <summary>The server could not be reached, stalled or broke off, time after time.</summary>
    NotReachable = 1,

    /// <summary>The server answered that it does not give the file.</summary>
    Refused = 2,

    /// <summary>The disk has no room for it.</summary>
    NoRoom = 3,

    /// <summary>The bytes are not those that were announced.</summary>
    WrongBytes = 4,

    /// <summary>The bytes came as announced and are no whole model file.</summary>
    NotAModel = 5,

    /// <summary>The folder cannot be written, or another process is writing the same file.</summary>
    NotWritable = 6,
}
