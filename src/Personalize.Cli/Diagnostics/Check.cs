namespace Personalize.Cli.Diagnostics;

/// <summary>One finding of the doctor.</summary>
/// <param name="Name">What was looked at.</param>
/// <param name="IsOk">Whether it is as it should be.</param>
/// <param name="Detail">What was found and, where it is wrong, how to mend it.</param>
internal sealed record Check(string Name, bool IsOk, string Detail);
