namespace Personalize.Core.Privacy;

/// <summary>How much is kept, and for how long. What is over any of the limits goes, the oldest first.</summary>
public sealed class RetentionPolicy
{
    private readonly TimeSpan? _maximumAge;
    private readonly long? _maximumCount;
    private readonly long? _maximumBytes;

    /// <summary>Interactions written longer ago than this go; null for no limit.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative.</exception>
    public TimeSpan? MaximumAge
    {
        get => _maximumAge;
        init => _maximumAge = value is { } age && age < TimeSpan.Zero ? throw new ArgumentOutOfRangeException(nameof(value), age, "negative") : value;
    }

    /// <summary>This many interactions stay, the newest; null for no limit.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative.</exception>
    public long? MaximumCount
    {
        get => _maximumCount;
        init => _maximumCount = NotNegative(value);
    }

    /// <summary>The newest interactions stay whose sealed records come to this many bytes together; null for no limit.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative.</exception>
    public long? MaximumBytes
    {
        get => _maximumBytes;
        init => _maximumBytes = NotNegative(value);
    }

    private static long? NotNegative(long? value) => value is < 0 ? throw new ArgumentOutOfRangeException(nameof(value), value, "negative") : value;
}
