using Personalize.Core.Errors;

namespace Personalize.Cli.Hosting;

/// <summary>A command needs a model and none was given.</summary>
internal sealed class MissingModelException(string message) : PersonalizeException(message);
