namespace Personalize.Core.Errors;

/// <summary>There are fewer interactions than a training run with a held-out test needs.</summary>
public sealed class InsufficientDataException : PersonalizeException
{
    /// <summary>Carries how many there are and how many are needed.</summary>
    /// <param name="available">How many interactions there are.</param>
    /// <param name="required">How many are needed.</param>
    /// <param name="leftOut">How many more there are that the limits of their sources left out.</param>
    public InsufficientDataException(int available, int required, int leftOut = 0)
        : base(leftOut == 0
            ? $"training needs at least {required} interactions, there are {available}: record or import more"
            : $"training needs at least {required} interactions, there are {available}; {leftOut} more were left out, so that no source but the person's own teaches alone or in a flood: record more by hand, or trust the source")
    {
        Available = available;
        Required = required;
    }

    /// <summary>How many interactions there are.</summary>
    public int Available { get; }

    /// <summary>How many are needed.</summary>
    public int Required { get; }
}
