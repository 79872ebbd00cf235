namespace Personalize.Core.Errors;

/// <summary>Why a chat template failed.</summary>
public enum ChatTemplateErrorKind
{
    /// <summary>The template's text is not of the supported language.</summary>
    Syntax,

    /// <summary>The template asked for something that the conversation or its variables do not have.</summary>
    Evaluation,

    /// <summary>The template itself refused the conversation (<c>raise_exception</c>), for example because roles do not alternate.</summary>
    Refused,

    /// <summary>The template ran longer or wrote more than is allowed.</summary>
    LimitExceeded,
}
