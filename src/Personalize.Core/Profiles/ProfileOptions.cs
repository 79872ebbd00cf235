using Personalize.Core.Security;

namespace Personalize.Core.Profiles;

/// <summary>How a profile is opened. The defaults suit one person on their own device: a key file in the profile's folder, opened for writing, created where there is none.</summary>
public sealed class ProfileOptions
{
    /// <summary>The passphrase that protects the profile's key, or null to use a key file.</summary>
    public string? Passphrase { get; init; }

    /// <summary>The key file, or null for <c>profile.key</c> in the profile's folder. On another device than the profile it also guards against theft of the folder.</summary>
    public string? KeyFile { get; init; }

    /// <summary>A protector of the app's own, in place of passphrase and key file; not disposed by the profile.</summary>
    public IKeyProtector? KeyProtector { get; init; }

    /// <summary>Open without the writer's lock, beside a process that writes. Nothing is created or changed.</summary>
    public bool OpenForReading { get; init; }

    /// <summary>Where the time comes from.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
