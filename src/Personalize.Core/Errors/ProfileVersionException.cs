namespace Personalize.Core.Errors;

/// <summary>A profile, or a part of it, was written by a newer version of this software. It was not touched.</summary>
public sealed class ProfileVersionException : PersonalizeException
{
    /// <summary>Creates the error.</summary>
    /// <param name="path">The file.</param>
    /// <param name="found">The version that it has.</param>
    /// <param name="supported">The newest version that this software reads.</param>
    public ProfileVersionException(string path, long found, long supported)
        : base($"{path}: format version {found} is newer than {supported}, the newest this version reads: update the software")
    {
        Path = path;
        Found = found;
        Supported = supported;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The version that it has.</summary>
    public long Found { get; }

    /// <summary>The newest version that this software reads.</summary>
    public long Supported { get; }
}
