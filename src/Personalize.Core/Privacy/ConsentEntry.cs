namespace Personalize.Core.Privacy;

/// <summary>One decision of the person about a source.</summary>
/// <param name="Source">The app or channel.</param>
/// <param name="Given">True when consent was given, false when it was withdrawn.</param>
/// <param name="At">When.</param>
public sealed record ConsentEntry(string Source, bool Given, DateTimeOffset At);
