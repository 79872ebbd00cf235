namespace Personalize.Core.Errors;

/// <summary>The root of every error that data, files, keys or the device can cause; misused arguments throw .NET's own exceptions.</summary>
/// <remarks>Messages name what broke, where, and what to do. A person's text never stands in a message.</remarks>
public abstract class PersonalizeException : Exception
{
    /// <summary>Creates the error with one line that says what, where, and what to do.</summary>
    /// <param name="message">One line without any of the person's text.</param>
    /// <param name="innerException">What caused it, if another exception did.</param>
    protected PersonalizeException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
