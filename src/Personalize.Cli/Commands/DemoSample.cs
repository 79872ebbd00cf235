namespace Personalize.Cli.Commands;

/// <summary>What a person wrote beside what the model writes, before and after it learned.</summary>
internal sealed record DemoSample(string Context, string Reference, string Before, string After);
