using Personalize.Core.Errors;

namespace Personalize.Cli.Models.Pull;

/// <summary>A model could not be brought. Nothing stands under the model's name that is not the model.</summary>
internal sealed class DownloadException(DownloadError error, string message, Exception? innerException = null) : PersonalizeException(message, innerException)
{
    /// <summary>Why.</summary>
    public DownloadError Error { get; } = error;
}
