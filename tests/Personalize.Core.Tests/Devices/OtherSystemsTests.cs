using Personalize.Core.Devices;

namespace Personalize.Core.Tests.Devices;

/// <summary>What macOS' programs write, and what Windows' functions return, read without either.</summary>
public sealed class OtherSystemsTests
{
    private readonly Dictionary<string, string?> _mac = new(StringComparer.Ordinal)
    {
        ["pmset -g batt"] = "Now drawing from 'AC Power'\n -InternalBattery-0 (id=4522083)\t87%; charging; 0:41 remaining present: true\n",
        ["pmset -g therm"] = "Note: No thermal warning level has been recorded\nNote: No performance warning level has been recorded\n",
        ["ioreg -c IOHIDSystem -d 4"] = "  | |   \"HIDIdleTime\" = 905000000000\n",
        ["sysctl -n vm.loadavg"] = "{ 0.10 0.20 0.30 }\n",
        ["vm_stat "] = "Mach Virtual Memory Statistics: (page size of 16384 bytes)\nPages free:                              100000.\nPages active:                            200000.\nPages inactive:                          150000.\n",
    };

    [Fact]
    public void A_mac_at_night_may_work()
    {
        var readings = Read();
        Assert.True(readings.AllMet, readings.Obstacles);
        Assert.Null(readings.ThermalHeadroom);
    }

    [Theory]
    [InlineData("pmset -g batt", "Now drawing from 'Battery Power'\n -InternalBattery-0\t87%; discharging;", DeviceCondition.Charging, false)]
    [InlineData("pmset -g batt", "Now drawing from 'AC Power'\n -InternalBattery-0\t12%; charging;", DeviceCondition.Battery, false)]
    [InlineData("pmset -g batt", "Now drawing from 'AC Power'\n", DeviceCondition.Battery, true)]
    [InlineData("pmset -g batt", "", DeviceCondition.Charging, null)]
    [InlineData("pmset -g batt", null, DeviceCondition.Battery, null)]
    [InlineData("pmset -g therm", "CPU_Speed_Limit \t= 62", DeviceCondition.Cool, false)]
    [InlineData("pmset -g therm", "CPU_Speed_Limit \t= 100", DeviceCondition.Cool, true)]
    [InlineData("pmset -g therm", "what?", DeviceCondition.Cool, null)]
    [InlineData("ioreg -c IOHIDSystem -d 4", "\"HIDIdleTime\" = 1000000000", DeviceCondition.Idle, false)]
    [InlineData("ioreg -c IOHIDSystem -d 4", "\"HIDIdleTime\" = 99999999999999999999999999", DeviceCondition.Idle, null)]
    [InlineData("ioreg -c IOHIDSystem -d 4", "", DeviceCondition.Idle, null)]
    [InlineData("sysctl -n vm.loadavg", "{ 900.10 0.20 0.30 }", DeviceCondition.Idle, false)]
    [InlineData("sysctl -n vm.loadavg", "{ }", DeviceCondition.Idle, null)]
    [InlineData("vm_stat ", "(page size of 16384 bytes)\nPages free: 10.\nPages inactive: 10.", DeviceCondition.Memory, false)]
    [InlineData("vm_stat ", "(page size of 99999999999999 bytes)\nPages free: 99999999999.\nPages inactive: 10.", DeviceCondition.Memory, null)]
    [InlineData("vm_stat ", null, DeviceCondition.Memory, null)]
    public void A_mac_says_no_or_does_not_say(string program, string? answer, DeviceCondition condition, bool? expected)
    {
        _mac[program] = answer;
        Assert.Equal(expected, Read().Each.Single(entry => entry.Condition == condition).Reading.Holds);
    }

    [Fact]
    public void Windows_has_its_own_numbers_for_unknown()
    {
#pragma warning disable CA1416 // Pure functions of what Windows returns.
        Assert.Equal([false, true, null, null], new byte[] { 0, 1, 255, 7 }.Select(status => WindowsSensors.Mains(status).Value));
        Assert.Equal([80d, null, 100d, null], new (byte Flag, byte Percent)[] { (1, 80), (255, 255), (128, 255), (1, 101) }.Select(battery => WindowsSensors.Battery(battery.Flag, battery.Percent).Value));
        Assert.Equal(TimeSpan.FromMilliseconds(30), WindowsSensors.Elapsed(10, unchecked((uint)-20)));
#pragma warning restore CA1416
    }

    private DeviceReadings Read() => new DeviceConditions(new MacSensors((program, arguments) => _mac.GetValueOrDefault($"{program} {string.Join(' ', arguments)}")), null).Read(isWorking: false);
}
