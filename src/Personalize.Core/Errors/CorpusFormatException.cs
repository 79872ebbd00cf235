namespace Personalize.Core.Errors;

/// <summary>A text that a model was to be trained on is not written as it should be. Carries no part of the text.</summary>
public sealed class CorpusFormatException : PersonalizeException
{
    /// <summary>Names the place and what is wrong there.</summary>
    /// <param name="location">The file.</param>
    /// <param name="line">The line, counted from 1.</param>
    /// <param name="invariant">What should hold and does not, and what to do.</param>
    public CorpusFormatException(string location, int line, string invariant)
        : base($"{location}, line {line}: {invariant}")
    {
        Location = location;
        Line = line;
    }

    /// <summary>The file.</summary>
    public string Location { get; }

    /// <summary>The line, counted from 1.</summary>
    public int Line { get; }
}
