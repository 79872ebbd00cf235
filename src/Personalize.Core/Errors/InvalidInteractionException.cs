namespace Personalize.Core.Errors;

/// <summary>An interaction cannot be stored as it is. Nothing of the batch it came in was stored.</summary>
public sealed class InvalidInteractionException : PersonalizeException
{
    /// <summary>Creates the error.</summary>
    /// <param name="problem">What is wrong with it.</param>
    /// <param name="line">The line it came from, counted from 1, where it came from a file.</param>
    public InvalidInteractionException(InteractionProblem problem, long? line = null)
        : base(line is null
            ? $"the interaction was not stored: {Describe(problem)}"
            : $"line {line}: {Describe(problem)}; nothing was stored: correct the line, or import without the strict option")
    {
        Problem = problem;
        Line = line;
    }

    /// <summary>What is wrong with it.</summary>
    public InteractionProblem Problem { get; }

    /// <summary>The line it came from, counted from 1, where it came from a file.</summary>
    public long? Line { get; }

    /// <summary>The problem as half a sentence, for messages and reports.</summary>
    /// <param name="problem">What is wrong.</param>
    /// <returns>A phrase without any of the person's text.</returns>
    public static string Describe(InteractionProblem problem) => problem switch
    {
        InteractionProblem.BrokenJson => "broken JSON",
        InteractionProblem.NotAnObject => "not a JSON object",
        InteractionProblem.InvalidUtf8 => "not UTF-8",
        InteractionProblem.MissingField => "timestamp, context or text is missing",
        InteractionProblem.WrongType => "a field has the wrong type",
        InteractionProblem.EmptyText => "the text is empty",
        InteractionProblem.LoneSurrogate => "half a surrogate pair in a string",
        InteractionProblem.BadTimestamp => "the timestamp is no Unix time and no ISO 8601 date in range",
        InteractionProblem.TooLong => "over the size limit",
        InteractionProblem.DuplicateId => "an earlier line has this id",
        InteractionProblem.AlreadyStored => "this id is already stored",
        InteractionProblem.EmptySource => "the source has no name",
        _ => "unknown problem",
    };
}
