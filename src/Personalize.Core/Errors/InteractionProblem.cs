namespace Personalize.Core.Errors;

/// <summary>Why an interaction, or a line that should hold one, was not taken. The numbers are stable.</summary>
public enum InteractionProblem
{
    /// <summary>The line is not a JSON value, or names a property twice.</summary>
    BrokenJson = 1,

    /// <summary>The line is JSON, but not an object.</summary>
    NotAnObject = 2,

    /// <summary>The line is not UTF-8.</summary>
    InvalidUtf8 = 3,

    /// <summary>One of <c>timestamp</c>, <c>context</c>, <c>text</c> is missing.</summary>
    MissingField = 4,

    /// <summary>A property has another type than it should.</summary>
    WrongType = 5,

    /// <summary>The text is empty or white space.</summary>
    EmptyText = 6,

    /// <summary>A string holds half a surrogate pair, which is no character.</summary>
    LoneSurrogate = 7,

    /// <summary>The timestamp is no Unix time and no ISO 8601 date, or out of range.</summary>
    BadTimestamp = 8,

    /// <summary>The line or the interaction is over the size limit.</summary>
    TooLong = 9,

    /// <summary>An earlier line of the same file has this id.</summary>
    DuplicateId = 10,

    /// <summary>The store already holds this id from this source.</summary>
    AlreadyStored = 11,

    /// <summary>The source has no name.</summary>
    EmptySource = 12,
}
