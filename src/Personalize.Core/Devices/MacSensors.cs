using System.Globalization;
using System.Text.RegularExpressions;

namespace Personalize.Core.Devices;

/// <summary>macOS: <c>pmset</c> for power and heat, <c>ioreg</c> for the last touch, <c>sysctl</c> for the load, <c>vm_stat</c> for memory.</summary>
/// <param name="run">Runs a program and returns what it wrote, or null.</param>
internal sealed partial class MacSensors(Func<string, IReadOnlyList<string>, string?> run) : ISensors
{
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
        if (Percent().Match(power) is { Success: true } match && Number(match) is { } percent and <= 100)
        {
            return new Sensed<double>(percent, $"the battery is at {percent:F0} %");
        }

        return power.Contains("'AC Power'", StringComparison.Ordinal) && !power.Contains("Battery", StringComparison.Ordinal)
            ? new Sensed<double>(100, "there is no battery")
            : Sensed<double>.Unknown("pmset does not say how full the battery is");
    }

    private static Sensed<TimeSpan> Away(string ioreg) =>
        IdleNanoseconds().Match(ioreg) is { Success: true } match && Number(match) is { } nanoseconds and < 1e18
            ? new Sensed<TimeSpan>(TimeSpan.FromSeconds(nanoseconds / 1e9), $"untouched for {nanoseconds / 60e9:F0} min")
            : Sensed<TimeSpan>.Unknown("ioreg does not say when the machine was touched last");

    private static Sensed<double> Load(string sysctl) =>
        FirstNumber().Match(sysctl) is { Success: true } match && Number(match) is { } load
            ? new Sensed<double>(load / Environment.ProcessorCount, $"a load of {load / Environment.ProcessorCount:F2} a core")
            : Sensed<double>.Unknown("sysctl does not say how busy the machine is");

    // Where nothing was ever throttled, pmset says so in words.
    private static Sensed<bool> Speed(string therm) =>
        SpeedLimit().Match(therm) is { Success: true } match && Number(match) is { } limit
            ? new Sensed<bool>(limit >= 100, $"pmset: the processor may run at {limit:F0} % of its speed")
            : therm.Contains("No thermal warning level", StringComparison.Ordinal) ? new Sensed<bool>(true, "pmset: no thermal warning")
            : Sensed<bool>.Unknown("pmset does not say whether the processor is throttled");

    private static Sensed<long> Memory(string vmStat)
    {
        if (PageSize().Match(vmStat) is { Success: true } size && FreePages().Match(vmStat) is { Success: true } free && InactivePages().Match(vmStat) is { Success: true } inactive
            && Number(size) is { } bytes && Number(free) is { } pages && Number(inactive) is { } more)
        {
            var total = bytes * (pages + more);
            return total < 1e18 ? new Sensed<long>((long)total, $"{total / 1e6:F0} MB of memory are free") : Sensed<long>.Unknown("vm_stat says nonsense");
        }

        return Sensed<long>.Unknown("vm_stat does not say how much memory is free");
    }

    private static double? Number(Match match) => double.TryParse(match.Groups["n"].ValueSpan, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) ? value : null;

    [GeneratedRegex(@"\s(?<n>\d{1,3})%;", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant)]
    private static partial Regex Percent();

    [GeneratedRegex("\"HIDIdleTime\"\\s*=\\s*(?<n>\\d+)", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant)]
    private static partial Regex IdleNanoseconds();

    [GeneratedRegex(@"(?<n>\d+\.\d+)", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant)]
    private static partial Regex FirstNumber();

    [GeneratedRegex(@"CPU_Speed_Limit\s*=\s*(?<n>\d+)", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant)]
    private static partial Regex SpeedLimit();

    [GeneratedRegex(@"page size of (?<n>\d+) bytes", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant)]
    private static partial Regex PageSize();

    [GeneratedRegex(@"Pages free:\s*(?<n>\d+)", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant)]
    private static partial Regex FreePages();

    [GeneratedRegex(@"Pages inactive:\s*(?<n>\d+)", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant)]
    private static partial Regex InactivePages();
}
