namespace Personalize.Core.Errors;

/// <summary>Why a key could not be used. The numbers are stable.</summary>
public enum StoreKeyError
{
    /// <summary>The profile is protected by a passphrase and none was given.</summary>
    PassphraseRequired = 1,

    /// <summary>The passphrase or the key file is not the one that the profile was made with, or the key header was changed.</summary>
    WrongKey = 2,

    /// <summary>The key file is not there.</summary>
    KeyFileMissing = 3,

    /// <summary>Others than the owner may read or write the key file.</summary>
    KeyFileTooOpen = 4,

    /// <summary>The key file is not a key file.</summary>
    KeyFileMalformed = 5,

    /// <summary>The wrapped key is damaged, or its derivation parameters are out of range.</summary>
    WrappedKeyMalformed = 6,

    /// <summary>The profile's key is wrapped by another kind of protector than the one given.</summary>
    OtherProtector = 7,

    /// <summary>The key has sealed as many messages as is safe with random nonces.</summary>
    KeyExhausted = 8,
}
