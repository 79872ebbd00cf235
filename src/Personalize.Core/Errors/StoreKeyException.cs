namespace Personalize.Core.Errors;

/// <summary>The key of a profile is missing, wrong, exposed or used up. Nothing was decrypted and nothing was changed.</summary>
public sealed class StoreKeyException : PersonalizeException
{
    /// <summary>Creates the error.</summary>
    /// <param name="error">The broken invariant.</param>
    /// <param name="message">What, where, and what to do, in one line without secrets.</param>
    /// <param name="path">The key file or the profile's file at fault, where there is one.</param>
    /// <param name="innerException">What caused it, if another exception did.</param>
    public StoreKeyException(StoreKeyError error, string message, string? path = null, Exception? innerException = null)
        : base(path is null ? message : $"{path}: {message}", innerException)
    {
        Error = error;
        Path = path;
    }

    /// <summary>The broken invariant.</summary>
    public StoreKeyError Error { get; }

    /// <summary>The key file or the profile's file at fault, where there is one.</summary>
    public string? Path { get; }
}
