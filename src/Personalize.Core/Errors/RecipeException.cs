namespace Personalize.Core.Errors;

/// <summary>A training recipe holds a setting that is unknown, of the wrong kind, or out of range.</summary>
public sealed class RecipeException : PersonalizeException
{
    /// <summary>Names the setting and what it must be.</summary>
    /// <param name="setting">The setting's name as it stands in the JSON form, or <c>$</c> for the document itself.</param>
    /// <param name="requirement">What the setting must be.</param>
    /// <param name="innerException">The parser's error, if the document is not JSON.</param>
    public RecipeException(string setting, string requirement, Exception? innerException = null)
        : base($"recipe: {setting} {requirement}", innerException)
    {
        Setting = setting;
        Requirement = requirement;
    }

    /// <summary>The setting's name as it stands in the JSON form, or <c>$</c> for the document itself.</summary>
    public string Setting { get; }

    /// <summary>What the setting must be.</summary>
    public string Requirement { get; }
}
