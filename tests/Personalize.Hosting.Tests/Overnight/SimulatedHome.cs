using Personalize.Core.Devices;
using Personalize.Training;

namespace Personalize.Hosting.Tests.Overnight;

/// <summary>A device at home that the test drives: who is there, what is plugged in, how warm it is. Training warms it, time cools it, and each step takes ten seconds.</summary>
internal sealed class SimulatedHome(SimulatedTime time) : IDeviceConditions, IProgress<TrainingProgress>
{
    private const double Room = 35;
    private const double LimitToStart = 70;
    private const double LimitToGoOn = 85;
    private const double LimitToSlow = 60;
    private static readonly TimeSpan StepTime = TimeSpan.FromSeconds(10);

    private bool _isGone;
    private DateTimeOffset _cooledAt = time.GetUtcNow();

    public bool PersonIsThere { get; set; }

    public bool IsPlugged { get; set; } = true;

    public double Celsius { get; set; } = Room;

    /// <summary>How many degrees a step warms it by.</summary>
    public double Warming { get; set; }

    /// <summary>How many steps were trained.</summary>
    public int Steps { get; private set; }

    /// <summary>What happens after which step, counted over all nights.</summary>
    public Dictionary<int, Action> Events { get; } = [];

    /// <summary>Steps that were finished in a slice after its conditions had been read as gone: reactions that came too late.</summary>
    public int LateSteps { get; private set; }

    public DeviceReadings Read(bool isWorking)
    {
        var passed = time.GetUtcNow() - _cooledAt;
        _cooledAt = time.GetUtcNow();
        Celsius = Math.Max(Room, Celsius - passed.TotalSeconds);
        var limit = isWorking ? LimitToGoOn : LimitToStart;
        var readings = new DeviceReadings
        {
            Charging = new DeviceReading(IsPlugged, "plug"),
            Idle = new DeviceReading(!PersonIsThere, "person"),
            Cool = new DeviceReading(Celsius <= limit, $"{Celsius:F0} degrees"),
            Battery = DeviceReading.Yes("full"),
            Memory = DeviceReading.Yes("free"),
            ThermalHeadroom = (LimitToGoOn - Celsius) / (LimitToGoOn - LimitToSlow),
        };
        _isGone = isWorking && !readings.AllMet;
        return readings;
    }

    public void Report(TrainingProgress value)
    {
        Steps++;
        LateSteps += _isGone ? 1 : 0;
        Celsius += Warming;
        if (Events.Remove(Steps, out var happens))
        {
            happens();
        }

        time.Advance(StepTime);
    }
}
