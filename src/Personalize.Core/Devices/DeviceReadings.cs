namespace Personalize.Core.Devices;

/// <summary>All conditions at one moment. Immutable.</summary>
public sealed record DeviceReadings
{
    /// <summary>Whether the device runs on mains.</summary>
    public required DeviceReading Charging { get; init; }

    /// <summary>Whether the person is away and nothing else computes.</summary>
    public required DeviceReading Idle { get; init; }

    /// <summary>Whether the device is not hot.</summary>
    public required DeviceReading Cool { get; init; }

    /// <summary>Whether the battery is well filled; holds where there is none.</summary>
    public required DeviceReading Battery { get; init; }

    /// <summary>Whether there is memory to work in.</summary>
    public required DeviceReading Memory { get; init; }

    /// <summary>How far the device is from being too hot to go on: 1 and above where it need not slow down, 0 where it has to stop; null where no temperature is known.</summary>
    public double? ThermalHeadroom { get; init; }

    /// <summary>Whether every condition is known to hold.</summary>
    public bool AllMet => Each.All(entry => entry.Reading.IsMet);

    /// <summary>The conditions with their readings, in the order of <see cref="DeviceCondition"/>.</summary>
    public IEnumerable<(DeviceCondition Condition, DeviceReading Reading)> Each =>
    [
        (DeviceCondition.Charging, Charging),
        (DeviceCondition.Idle, Idle),
        (DeviceCondition.Cool, Cool),
        (DeviceCondition.Battery, Battery),
        (DeviceCondition.Memory, Memory),
    ];

    /// <summary>Those that are not known to hold, in a line for a person; empty where all hold.</summary>
    public string Obstacles => string.Join("; ", Each.Where(entry => !entry.Reading.IsMet)
        .Select(entry => $"{(entry.Reading.Holds is null ? "not known to be" : "not")} {Word(entry.Condition)}: {entry.Reading.Reason}"));

    private static string Word(DeviceCondition condition) => condition switch
    {
        DeviceCondition.Charging => "charging",
        DeviceCondition.Idle => "idle",
        DeviceCondition.Cool => "cool",
        DeviceCondition.Battery => "filled enough",
        _ => "free enough in memory",
    };
}
