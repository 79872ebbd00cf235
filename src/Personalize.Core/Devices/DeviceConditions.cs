namespace Personalize.Core.Devices;

/// <summary>
/// The conditions of this device, from the system's sensors: on Linux <c>/sys/class/power_supply</c>, <c>/sys/class/thermal</c>, <c>/sys/class/hwmon</c>, <c>/proc</c> and logind; on Windows and macOS what their interfaces say.
/// What a sensor does not say, or says nonsense about, is unknown. Safe to share between threads.
/// </summary>
public sealed class DeviceConditions : IDeviceConditions
{
    private readonly ISensors _sensors;
    private readonly ConditionLimits _limits;

    /// <summary>Takes the sensors of the system this runs on.</summary>
    /// <param name="limits">What counts as charging, idle, cool and filled; null for the defaults.</param>
    /// <exception cref="ArgumentException">A limit is out of range.</exception>
    public DeviceConditions(ConditionLimits? limits = null)
        : this(OfThisSystem(), limits)
    {
    }

    internal DeviceConditions(ISensors sensors, ConditionLimits? limits)
    {
        _limits = limits ?? new ConditionLimits();
        _limits.Validate();
        _sensors = sensors;
    }

    /// <inheritdoc/>
    public DeviceReadings Read(bool isWorking)
    {
        var values = _sensors.Read();
        return new DeviceReadings
        {
            Charging = Assume(DeviceCondition.Charging, Charging(values)),
            Idle = Assume(DeviceCondition.Idle, Idle(values, isWorking)),
            Cool = Assume(DeviceCondition.Cool, Cool(values, isWorking)),
            Battery = Assume(DeviceCondition.Battery, AtLeast(values.BatteryPercent, isWorking ? _limits.BatteryToGoOn : _limits.BatteryToStart, "%")),
            Memory = Assume(DeviceCondition.Memory, Memory(values.FreeMemory, isWorking ? _limits.MemoryToGoOn : _limits.MemoryToStart)),
            ThermalHeadroom = values.Celsius.Value is { } celsius ? (_limits.CelsiusToGoOn - celsius) / (_limits.CelsiusToGoOn - _limits.CelsiusToSlow) : null,
        };
    }

    private static ISensors OfThisSystem() =>
        OperatingSystem.IsLinux() ? new LinuxSensors("/", SystemCommand.Run)
        : OperatingSystem.IsWindows() ? new WindowsSensors()
        : OperatingSystem.IsMacOS() ? new MacSensors(SystemCommand.Run)
        : new NoSensors();

    private static DeviceReading AtLeast(Sensed<double> sensed, double limit, string unit) => sensed.Value switch
    {
        null => DeviceReading.Unknown(sensed.Detail),
        { } value when value >= limit => DeviceReading.Yes(sensed.Detail),
        _ => DeviceReading.No($"{sensed.Detail}, {limit:F0} {unit} are needed"),
    };

    private static DeviceReading Memory(Sensed<long> sensed, long limit) =>
        AtLeast(new Sensed<double>(sensed.Value / 1e6, sensed.Detail), limit / 1e6, "MB");

    private DeviceReading Charging(SensorValues values) => values.Mains.Value switch
    {
        true when values.MainsForWantOfBattery && !_limits.NoBatteryMeansMains => DeviceReading.Unknown(values.Mains.Detail),
        true => DeviceReading.Yes(values.Mains.Detail),
        false => DeviceReading.No(values.Mains.Detail),
        null => DeviceReading.Unknown(values.Mains.Detail),
    };

    private DeviceReading Idle(SensorValues values, bool isWorking)
    {
        if (values.Away.Value is { } away && away < _limits.AwayFor)
        {
            return DeviceReading.No($"{values.Away.Detail}, {_limits.AwayFor.TotalMinutes:F0} min are needed");
        }

        // Load that is known to be high counts also where nobody knows about the person: a no is never overridden by an assumption.
        if (!isWorking && values.LoadPerCore is { Value: { } load, Detail: var detail } && load > _limits.LoadToStart)
        {
            return DeviceReading.No($"{detail}, at most {_limits.LoadToStart:F2} is allowed");
        }

        return values.Away.Value is null ? DeviceReading.Unknown(values.Away.Detail)
            : !isWorking && values.LoadPerCore is { Value: null, Detail: var missing } ? DeviceReading.Unknown(missing)
            : DeviceReading.Yes(values.Away.Detail);
    }

    private DeviceReading Cool(SensorValues values, bool isWorking)
    {
        var limit = isWorking ? _limits.CelsiusToGoOn : _limits.CelsiusToStart;
        return values.Celsius.Value is { } celsius
            ? celsius <= limit ? DeviceReading.Yes(values.Celsius.Detail) : DeviceReading.No($"{values.Celsius.Detail}, at most {limit:F0} degrees are allowed")
            : values.FullSpeed switch
            {
                { Value: true, Detail: var detail } => DeviceReading.Yes(detail),
                { Value: false, Detail: var detail } => DeviceReading.No(detail),
                _ => DeviceReading.Unknown(values.Celsius.Detail),
            };
    }

    private DeviceReading Assume(DeviceCondition condition, DeviceReading reading) =>
        reading.Holds is null && _limits.Assumed.Contains(condition) ? DeviceReading.Yes($"assumed: {reading.Reason}") : reading;
}
