namespace Personalize.Cli.Benchmarks;

/// <summary>What the store does at one number of records.</summary>
/// <param name="Records">How many there were.</param>
/// <param name="AppendMicroseconds">A record, appended in batches on the way here.</param>
/// <param name="ReadMicroseconds">A record, all read by time.</param>
/// <param name="StatusMilliseconds">One status.</param>
/// <param name="DatabaseBytes">Database and journal.</param>
/// <param name="ResidentBytes">What the process held after reading.</param>
internal sealed record StoreFigures(long Records, double AppendMicroseconds, double ReadMicroseconds, double StatusMilliseconds, long DatabaseBytes, long ResidentBytes);
