using FsCheck;
using FsCheck.Fluent;
using Personalize.Core.Devices;

namespace Personalize.Core.Tests.Devices;

/// <summary>What Linux says, what it says wrongly, and what it does not say: unknown is never yes.</summary>
public sealed class LinuxConditionsTests : IDisposable
{
    private readonly FakeMachine _machine = FakeMachine.Laptop();

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void A_laptop_at_night_may_work()
    {
        var readings = _machine.Read();
        Assert.True(readings.AllMet, readings.Obstacles);
        Assert.Empty(readings.Obstacles);
        Assert.True(readings.ThermalHeadroom > 1);
    }

    [Theory]
    [InlineData("0", "Discharging", false)]
    [InlineData("1", "Charging", true)]
    [InlineData("1", "Not charging", true)]
    [InlineData("1", "Unknown", true)]
    [InlineData("2", "Charging", true)]
    [InlineData("1", "Discharging", false)]
    [InlineData("0", "Charging", true)]
    [InlineData("0", "Full", false)]
    [InlineData("", "Full", null)]
    [InlineData("perhaps", "Unknown", null)]
    [InlineData("255", "", null)]
    [InlineData("-1", "Full", null)]
    public void Charging_is_what_charger_and_battery_say(string online, string status, bool? expected)
    {
        _machine.Write("sys/class/power_supply/AC/online", online);
        _machine.Write("sys/class/power_supply/BAT0/status", status);
        Assert.Equal(expected, _machine.Read().Charging.Holds);
    }

    [Theory]
    [InlineData("Full", true)]
    [InlineData("Charging", true)]
    [InlineData("Discharging", false)]
    [InlineData("Unknown", null)]
    [InlineData("\u0000\u0001", null)]
    public void Without_a_charger_the_battery_says_it(string status, bool? expected)
    {
        _machine.Remove("sys/class/power_supply/AC");
        _machine.Write("sys/class/power_supply/BAT0/status", status);
        Assert.Equal(expected, _machine.Read().Charging.Holds);
    }

    [Fact]
    public void The_battery_of_a_mouse_and_an_empty_slot_do_not_count()
    {
        _machine.Battery("hid-mouse", "Discharging", "3");
        _machine.Write("sys/class/power_supply/hid-mouse/scope", "Device");
        _machine.Battery("BAT1", "Discharging", "0");
        _machine.Write("sys/class/power_supply/BAT1/present", "0");
        var readings = _machine.Read();
        Assert.True(readings.AllMet, readings.Obstacles);
    }

    [Fact]
    public void A_machine_that_reports_neither_battery_nor_charger_lives_on_mains_unless_the_policy_says_otherwise()
    {
        _machine.Remove("sys/class/power_supply/AC");
        _machine.Remove("sys/class/power_supply/BAT0");
        Assert.True(_machine.Read().AllMet);
        Assert.Null(_machine.Read(new ConditionLimits { NoBatteryMeansMains = false }).Charging.Holds);

        // A system that has no such folder reports nothing at all.
        _machine.Remove("sys/class/power_supply");
        Assert.Null(_machine.Read().Charging.Holds);
        Assert.Null(_machine.Read().Battery.Holds);
    }

    [Fact]
    public void A_power_supply_that_does_not_say_what_it_is_proves_nothing()
    {
        _machine.Remove("sys/class/power_supply/AC");
        _machine.Remove("sys/class/power_supply/BAT0");
        _machine.Write("sys/class/power_supply/odd/type", "");
        Assert.Null(_machine.Read().Charging.Holds);
        Assert.Null(_machine.Read().Battery.Holds);
    }

    [Theory]
    [InlineData("50", false, true)]
    [InlineData("49", false, false)]
    [InlineData("49", true, true)]
    [InlineData("40", true, true)]
    [InlineData("39", true, false)]
    [InlineData("101", false, null)]
    [InlineData("-5", false, null)]
    [InlineData("", false, null)]
    [InlineData("99999999999999999999", false, null)]
    public void The_battery_needs_more_to_begin_than_to_go_on(string capacity, bool isWorking, bool? expected)
    {
        _machine.Write("sys/class/power_supply/BAT0/capacity", capacity);
        Assert.Equal(expected, _machine.Read(isWorking: isWorking).Battery.Holds);
    }

    [Theory]
    [InlineData("70000", false, true)]
    [InlineData("71000", false, false)]
    [InlineData("71000", true, true)]
    [InlineData("85000", true, true)]
    [InlineData("86000", true, false)]
    [InlineData("0", false, null)]
    [InlineData("-274000", false, null)]
    [InlineData("2147483647", false, null)]
    [InlineData("warm", false, null)]
    [InlineData("", false, null)]
    public void Heat_stops_later_than_it_lets_begin(string temperature, bool isWorking, bool? expected)
    {
        _machine.Write("sys/class/thermal/thermal_zone0/temp", temperature);
        Assert.Equal(expected, _machine.Read(isWorking: isWorking).Cool.Holds);
    }

    [Fact]
    public void The_hottest_sensor_counts_wherever_it_is()
    {
        _machine.Write("sys/class/hwmon/hwmon1/temp2_input", "92000");
        var readings = _machine.Read(isWorking: true);
        Assert.False(readings.Cool.Holds);
        Assert.True(readings.ThermalHeadroom < 0);
        _machine.Remove("sys/class/thermal");
        _machine.Write("sys/class/hwmon/hwmon1/temp2_input", "80000");
        Assert.Equal(0.5, _machine.Read().ThermalHeadroom!.Value, 3);
    }

    [Theory]
    [InlineData("b true\n", true)]
    [InlineData("b false\n", false)]
    [InlineData("", null)]
    [InlineData("Failed to get property", null)]
    [InlineData(null, null)]
    public void Logind_knows_whether_the_person_is_away(string? answer, bool? expected)
    {
        _machine.Idle = answer;
        Assert.Equal(expected, _machine.Read().Idle.Holds);
    }

    [Theory]
    [InlineData("nonsense", false, null)]
    [InlineData("", false, null)]
    [InlineData("NaN", false, null)]
    [InlineData("400.0 1 1 1/1 1", false, false)]
    [InlineData("400.0 1 1 1/1 1", true, true)]
    public void A_busy_machine_is_not_idle_and_ones_own_work_does_not_make_it_busy(string load, bool isWorking, bool? expected)
    {
        _machine.Write("proc/loadavg", load);
        Assert.Equal(expected, _machine.Read(isWorking: isWorking).Idle.Holds);
    }

    [Theory]
    [InlineData("MemAvailable: 2000000 kB", false, true)]
    [InlineData("MemAvailable: 500000 kB", false, false)]
    [InlineData("MemAvailable: 500000 kB", true, true)]
    [InlineData("MemAvailable: 100000 kB", true, false)]
    [InlineData("MemAvailable: 99999999999999999999 kB", false, null)]
    [InlineData("MemFree: 2000000 kB", false, null)]
    public void Memory_has_to_be_free(string meminfo, bool isWorking, bool? expected)
    {
        _machine.Write("proc/meminfo", meminfo);
        Assert.Equal(expected, _machine.Read(isWorking: isWorking).Memory.Holds);
    }

    [Fact]
    public void An_assumption_stands_in_for_what_is_unknown_and_never_for_a_no()
    {
        var limits = new ConditionLimits { Assumed = Enum.GetValues<DeviceCondition>() };
        _machine.Idle = null;
        _machine.Remove("sys/class/thermal");
        _machine.Remove("sys/class/power_supply");
        Assert.False(_machine.Read().AllMet);
        Assert.True(_machine.Read(limits).AllMet);
        Assert.Contains("assumed", _machine.Read(limits).Idle.Reason, StringComparison.Ordinal);

        _machine.Write("proc/loadavg", "400.0 1 1 1/1 1");
        _machine.Write("sys/class/thermal/thermal_zone0/temp", "90000");
        _machine.Battery("BAT0", "Discharging", "10");
        var readings = _machine.Read(limits);
        Assert.Equal([DeviceCondition.Charging, DeviceCondition.Idle, DeviceCondition.Cool, DeviceCondition.Battery], readings.Each.Where(entry => !entry.Reading.IsMet).Select(entry => entry.Condition));
    }

    [Fact]
    public void A_bare_machine_knows_nothing_and_may_nothing()
    {
        using var bare = new FakeMachine { Idle = null };
        Assert.All(bare.Read().Each, entry => Assert.Null(entry.Reading.Holds));
        Assert.Null(bare.Read().ThermalHeadroom);
    }

    [Fact]
    public void Whatever_the_files_hold_reading_does_not_throw_and_nonsense_is_not_yes() =>
        Prop.ForAll(ArbMap.Default.ArbFor<NonNull<string>>(), nonsense =>
        {
            using var machine = FakeMachine.Laptop();
            var text = nonsense.Get;
            foreach (var path in new[] { "sys/class/power_supply/AC/type", "sys/class/power_supply/BAT0/type", "sys/class/thermal/thermal_zone0/temp", "proc/loadavg", "proc/meminfo" })
            {
                machine.Write(path, "x" + text);
            }

            machine.Idle = text;
            return machine.Read().Each.All(entry => entry.Reading.Holds is null);
        }).QuickCheckThrowOnFailure();
}
