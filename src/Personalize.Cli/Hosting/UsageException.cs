using Personalize.Core.Errors;

namespace Personalize.Cli.Hosting;

/// <summary>The command line asks for something that cannot be; found only after parsing, when the model or the profile was at hand.</summary>
internal sealed class UsageException(string message) : PersonalizeException(message);
