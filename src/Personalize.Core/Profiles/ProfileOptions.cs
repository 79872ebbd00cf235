using Personalize.Core.Interactions;
using Personalize.Core.Privacy;
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

    /// <summary>The anchor, by which a store that was put back to an earlier state is noticed; null for a file beside the key file where one is named (its name and <c>.anchor</c>), else <c>profile.anchor</c> in the profile's folder. Within the folder it cannot notice that the whole folder was put back.</summary>
    public string? AnchorFile { get; init; }

    /// <summary>What is taken out of texts before they are stored: secrets of known shapes unless told otherwise; empty for nothing.</summary>
    public IReadOnlyList<IRedactor> Redactors { get; init; } = [SecretRedactor.Instance];

    /// <summary>Open without the writer's lock, beside a process that writes. Nothing is created or changed.</summary>
    public bool OpenForReading { get; init; }

    /// <summary>Where the time comes from.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>How many values a key may seal.</summary>
    internal long SealLimit { get; init; } = SealedBox.MaximumSeals;

    /// <summary>How many rows there are at least before their duplicate keys are entered in the table of those.</summary>
    internal int FewestWaitingRows { get; init; } = TakenKeys.DefaultFewest;
}
