namespace Personalize.Core.Devices;

/// <summary>What a system's sensors say, before any limit is applied.</summary>
internal sealed record SensorValues
{
    /// <summary>Whether power comes from outside.</summary>
    public required Sensed<bool> Mains { get; init; }

    /// <summary>Whether <see cref="Mains"/> is a conclusion from there being neither battery nor charger.</summary>
    public bool MainsForWantOfBattery { get; init; }

    /// <summary>How full the batteries are, in percent; 100 where there is none.</summary>
    public required Sensed<double> BatteryPercent { get; init; }

    /// <summary>For how long nobody touched the device; <see cref="TimeSpan.MaxValue"/> where the system only says that they are away.</summary>
    public required Sensed<TimeSpan> Away { get; init; }

    /// <summary>Runnable processes a core, the mean of the last minute; null where the system has no such figure.</summary>
    public Sensed<double>? LoadPerCore { get; init; }

    /// <summary>The hottest sensor's temperature.</summary>
    public required Sensed<double> Celsius { get; init; }

    /// <summary>Whether the system leaves the processor its full speed; for systems that tell that and no temperature.</summary>
    public Sensed<bool>? FullSpeed { get; init; }

    /// <summary>How many bytes of memory are free.</summary>
    public required Sensed<long> FreeMemory { get; init; }
}
