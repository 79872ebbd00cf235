namespace Personalize.Core.Devices;

/// <summary>A system whose sensors are not known here: everything is unknown, so that only an application's own conditions let work begin.</summary>
internal sealed class NoSensors : ISensors
{
    private const string Reason = "this system's sensors are not known";

    public SensorValues Read() => new()
    {
        Mains = Sensed<bool>.Unknown(Reason),
        BatteryPercent = Sensed<double>.Unknown(Reason),
        Away = Sensed<TimeSpan>.Unknown(Reason),
        Celsius = Sensed<double>.Unknown(Reason),
        FreeMemory = Sensed<long>.Unknown(Reason),
    };
}
