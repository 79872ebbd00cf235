using System.Security.Cryptography;
using Personalize.Cli.Models.Pull;
using Personalize.Core.Errors;
using Personalize.Inference.Speculation;

namespace Personalize.Cli.Hosting;

/// <summary>What an exception comes to for the caller of the command: an exit code and one line.</summary>
/// <param name="ExitCode">One of <see cref="Hosting.ExitCode"/>.</param>
/// <param name="Line">What, where, what to do; without line breaks.</param>
internal sealed record ErrorReport(int ExitCode, string Line)
{
    /// <summary>Maps an exception.</summary>
    public static ErrorReport Of(Exception exception) => new(CodeOf(exception), OneLine(Describe(exception)));

    /// <summary>Joins the lines of a message; control characters, which a path can hold, would disturb a terminal.</summary>
    public static string OneLine(string message) =>
        string.Join(' ', string.Concat(message.Select(c => char.IsControl(c) ? ' ' : c)).Split(' ', StringSplitOptions.RemoveEmptyEntries));

    private static int CodeOf(Exception exception) => exception switch
    {
        UsageException or ContextLengthException => Hosting.ExitCode.Usage,
        InvalidInteractionException { Line: null } => Hosting.ExitCode.Usage,
        InvalidInteractionException => Hosting.ExitCode.BadFile,
        ConsentRequiredException or PrivacyBudgetException or DeviceConditionsException => Hosting.ExitCode.Refused,
        StoreKeyException or StoreIntegrityException => Hosting.ExitCode.KeyOrStore,
        ProfileAccessException { Error: ProfileAccessError.NotFound } or ProfileVersionException => Hosting.ExitCode.BadFile,
        RecipeException or PrivacyParameterException => Hosting.ExitCode.Usage,
        MissingModelException or InputFileException or CorpusFormatException => Hosting.ExitCode.BadFile,
        ModelFormatException or UnsupportedModelException or TokenizerException or ChatTemplateException or DraftVocabularyException => Hosting.ExitCode.BadFile,
        DownloadException { Error: DownloadError.WrongBytes or DownloadError.NotAModel } => Hosting.ExitCode.BadFile,
        AdapterRegistryException { Error: AdapterRegistryError.NotFound or AdapterRegistryError.Ambiguous } => Hosting.ExitCode.Usage,
        AdapterFormatException or AdapterMismatchException or CheckpointMismatchException or TensorShapeException or NonFiniteLogitsException => Hosting.ExitCode.BadFile,
        _ => Hosting.ExitCode.Failed,
    };

    private static string Describe(Exception exception) => exception switch
    {
        PersonalizeException => exception.Message,
        OperationCanceledException => "stopped; what was finished before is kept",
        OutOfMemoryException => "not enough memory; close other programs or choose a smaller model or context",
        IOException or UnauthorizedAccessException => exception.Message,
        CryptographicException => "a cryptographic operation failed: " + exception.Message,
        _ => $"unexpected {exception.GetType().Name}: {exception.Message} (run again with --verbose for the stack trace)",
    };
}
