namespace Personalize.Core.Tests.Tokenization.Templates;

/// <summary>A clock that stands still in a zone without summer time.</summary>
internal sealed class FixedTimeProvider(DateTimeOffset now) : TimeProvider
{
    /// <summary>The time at which the oracle was rendered.</summary>
    public static FixedTimeProvider OfOracle { get; } = new(new DateTimeOffset(2026, 11, 22, 9, 30, 0, TimeSpan.Zero));

    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    public override DateTimeOffset GetUtcNow() => now;
}
