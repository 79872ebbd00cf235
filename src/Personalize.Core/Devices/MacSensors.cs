using System.Buffers;
using System.Globalization;

namespace Personalize.Core.Devices;

/// <summary>macOS: <c>pmset</c> for power and heat, <c>ioreg</c> for the last touch, <c>sysctl</c> for the load, <c>vm_stat</c> for memory.</summary>
/// <param name="run">Runs a program and returns what it wrote, or null.</param>
internal sealed class MacSensors(Func<string, IReadOnlyList<string>, string?> run) : ISensors
{
    private static readonly SearchValues<char> Digits = SearchValues.Create("0123456789.");

    public SensorValues Read()
    {
        var power = run("pmset", ["-g", "batt"]) ?? "";
        return new SensorValues
        {
            Mains = Mains(power),
            BatteryPercent = Battery(power),
            Away = Away(run("ioreg", ["-c", "IOHIDSystem", "-d", "4"]) ?? ""),
            LoadPerCore = Load(run("sysctl", ["-n", "vm.loadavg"]) ?? ""),
            Celsius = Sensed<double>.Unknown("pmset does not say how hot the machine is"),
            FullSpeed = Speed(run("pmset", ["-g", "therm"]) ?? ""),
            FreeMemory = Memory(run("vm_stat", []) ?? ""),
        };
    }

    private static Sensed<bool> Mains(string power) =>
        power.Contains("'AC Power'", StringComparison.Ordinal) ? new Sensed<bool>(true, "pmset: AC power")
        : power.Contains("'Battery Power'", StringComparison.Ordinal) ? new Sensed<bool>(false, "pmset: battery power")
        : Sensed<bool>.Unknown("pmset does not say where the power comes from");

    private static Sensed<double> Battery(string power)
    {
        if (NumberBefore(power, "%;") is { } percent and <= 100)
        {
            return new Sensed<double>(percent, $"the battery is at {percent:F0} %");
        }

        return power.Contains("'AC Power'", StringComparison.Ordinal) && !power.Contains("Battery", StringComparison.Ordinal)
            ? new Sensed<double>(100, "there is no battery")
            : Sensed<double>.Unknown("pmset does not say how full the battery is");
    }

    private static Sensed<TimeSpan> Away(string ioreg) =>
        NumberAfter(ioreg, "\"HIDIdleTime\"") is { } nanoseconds and < 1e18
            ? new Sensed<TimeSpan>(TimeSpan.FromSeconds(nanoseconds / 1e9), $"untouched for {nanoseconds / 60e9:F0} min")
            : Sensed<TimeSpan>.Unknown("ioreg does not say when the machine was touched last");

    private static Sensed<double> Load(string sysctl) =>
        NumberAfter(sysctl, "{") is { } load
            ? new Sensed<double>(load / Environment.ProcessorCount, $"a load of {load / Environment.ProcessorCount:F2} a core")
            : Sensed<double>.Unknown("sysctl does not say how busy the machine is");

    // Where nothing was ever throttled, pmset says so in words.
    private static Sensed<bool> Speed(string therm) =>
        NumberAfter(therm, "CPU_Speed_Limit") is { } limit
            ? new Sensed<bool>(limit >= 100, $"pmset: the processor may run at {limit:F0} % of its speed")
            : therm.Contains("No thermal warning level", StringComparison.Ordinal) ? new Sensed<bool>(true, "pmset: no thermal warning")
            : Sensed<bool>.Unknown("pmset does not say whether the processor is throttled");

    private static Sensed<long> Memory(string vmStat)
    {
        if (NumberAfter(vmStat, "page size of") is { } bytes && NumberAfter(vmStat, "Pages free") is { } pages && NumberAfter(vmStat, "Pages inactive") is { } more)
        {
            var total = bytes * (pages + more);
            return total < 1e18 ? new Sensed<long>((long)total, $"{total / 1e6:F0} MB of memory are free") : Sensed<long>.Unknown("vm_stat says nonsense");
        }

        return Sensed<long>.Unknown("vm_stat does not say how much memory is free");
    }

    /// <summary>The number that follows a word, with nothing but signs between them; null where there is none.</summary>
    private static double? NumberAfter(string text, string word)
    {
        var at = text.IndexOf(word, StringComparison.Ordinal);
        if (at < 0)
        {
            return null;
        }

        var rest = text.AsSpan(at + word.Length).TrimStart(" \t=:");
        var length = rest.IndexOfAnyExcept(Digits);
        return Parse(length < 0 ? rest : rest[..length]);
    }

    private static double? NumberBefore(string text, string mark)
    {
        var at = text.IndexOf(mark, StringComparison.Ordinal);
        if (at < 0)
        {
            return null;
        }

        var before = text.AsSpan(0, at);
        return Parse(before[(before.LastIndexOfAnyExcept(Digits) + 1)..]);
    }

    // A sentence's point may follow the number.
    private static double? Parse(ReadOnlySpan<char> number) =>
        double.TryParse(number.TrimEnd('.'), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) ? value : null;
}
