namespace Personalize.Core.Errors;

/// <summary>A saved conversation cannot be gone on with. What it was to be restored to is empty and can be used.</summary>
public sealed class ConversationRestoreException : PersonalizeException
{
    /// <summary>Says which one and why.</summary>
    /// <param name="error">The broken invariant.</param>
    /// <param name="name">The name it was saved under.</param>
    /// <param name="innerException">What caused it, if another exception did.</param>
    public ConversationRestoreException(ConversationRestoreError error, string name, Exception? innerException = null)
        : base($"conversation {name}: {Describe(error)}", innerException)
    {
        Error = error;
        Name = name;
    }

    /// <summary>The broken invariant.</summary>
    public ConversationRestoreError Error { get; }

    /// <summary>The name it was saved under.</summary>
    public string Name { get; }

    private static string Describe(ConversationRestoreError error) => error switch
    {
        ConversationRestoreError.OtherModel => "was computed with another model: load that one or start anew",
        ConversationRestoreError.OtherAdapter => "was computed with another adapter: attach that one or start anew",
        ConversationRestoreError.OtherLayout => "was computed with another arithmetic, precision, window or length of the context: choose the same or start anew",
        ConversationRestoreError.Truncated => "its file was cut short: delete it and start anew",
        ConversationRestoreError.NotAuthentic => "its file was changed, moved or sealed under another key: delete it and start anew",
        ConversationRestoreError.NewerVersion => "its file was written by a newer version: update this software or start anew",
        _ => "its file does not hold a conversation: delete it and start anew",
    };
}
