using Personalize.Core.Errors;

namespace Personalize.Cli.Hosting;

/// <summary>A file named on the command line is missing, cannot be read, or does not hold what the command needs.</summary>
internal sealed class InputFileException : PersonalizeException
{
    public InputFileException(string path, string problem, long? offset = null, Exception? innerException = null)
        : base(offset is { } at ? $"{path}: {problem}, at byte {at}" : $"{path}: {problem}", innerException)
    {
    }
}
