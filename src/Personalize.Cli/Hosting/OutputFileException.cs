using Personalize.Core.Errors;

namespace Personalize.Cli.Hosting;

/// <summary>A file that a command was to write cannot be written.</summary>
internal sealed class OutputFileException(string path, Exception innerException)
    : PersonalizeException($"{path}: it cannot be written: check that the folder exists, has room and may be written", innerException);
