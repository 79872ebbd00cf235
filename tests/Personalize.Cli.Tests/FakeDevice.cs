using Personalize.Core.Devices;

namespace Personalize.Cli.Tests;

/// <summary>A device whose conditions the test decides, reading by reading.</summary>
/// <param name="readings">Given the number of the reading, from 0 on, and whether work is going on.</param>
internal sealed class FakeDevice(Func<int, bool, DeviceReadings> readings) : IDeviceConditions
{
    private int _count;

    /// <summary>A device on which everything is as it should be.</summary>
    public static FakeDevice Willing => new((_, _) => AllGood);

    public static DeviceReadings AllGood { get; } = new()
    {
        Charging = DeviceReading.Yes("plugged in"),
        Idle = DeviceReading.Yes("nobody there"),
        Cool = DeviceReading.Yes("30 degrees"),
        Battery = DeviceReading.Yes("full"),
        Memory = DeviceReading.Yes("plenty"),
        ThermalHeadroom = 2,
    };

    /// <summary>How often it was read.</summary>
    public int Count => Volatile.Read(ref _count);

    public DeviceReadings Read(bool isWorking) => readings(Interlocked.Increment(ref _count) - 1, isWorking);
}
