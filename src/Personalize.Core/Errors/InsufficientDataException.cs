namespace Personalize.Core.Errors;

/// <summary>There are fewer interactions than a training run with a held-out test needs.</summary>
public sealed class InsufficientDataException : PersonalizeException
{
    /// <summary>Carries how many there are and how many are needed.</summary>
    /// <param name="available">How many interactions there are.</param>
    /// <param name="required">How many are needed.</param>
    public InsufficientDataException(int available, int required)
        : base($"training needs at least {required} interactions, there are {available}: record or import more")
    {
        Available = available;
        Required = required;
    }

    /// <summary>How many interactions there are.</summary>
    public int Available { get; }

    /// <summary>How many are needed.</summary>
    public int Required { get; }
}
