using System.Globalization;

namespace Personalize.Core.Devices;

/// <summary>Linux: files of the kernel under a root folder, and logind.</summary>
/// <param name="root"><c>/</c>, or a folder laid out like it.</param>
/// <param name="run">Runs a program and returns what it wrote, or null.</param>
internal sealed class LinuxSensors(string root, Func<string, IReadOnlyList<string>, string?> run) : ISensors
{
    private static readonly string[] IdleHint = ["get-property", "org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager", "IdleHint"];

    public SensorValues Read()
    {
        var power = LinuxPower.Read(Path.Combine(root, "sys/class/power_supply"));
        return new SensorValues
        {
            Mains = power.Mains,
            MainsForWantOfBattery = power.IsForWantOfBattery,
            BatteryPercent = power.Percent,
            Away = ReadAway(),
            LoadPerCore = ReadLoad(),
            Celsius = LinuxHeat.Read(Path.Combine(root, "sys/class")),
            FreeMemory = ReadMemory(),
        };
    }

    /// <summary>A small file of the kernel, or null where it is missing, unreadable or empty.</summary>
    public static string? ReadText(string path)
    {
        try
        {
            var text = File.ReadAllText(path).Trim();
            return text.Length > 0 ? text : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or System.Security.SecurityException)
        {
            return null;
        }
    }

    /// <summary>The whole number a file holds, or null.</summary>
    public static long? ReadNumber(string path) =>
        long.TryParse(ReadText(path), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) ? value : null;

    // The manager's hint holds if every session is idle, also where nobody is logged in.
    private Sensed<TimeSpan> ReadAway() => run("busctl", IdleHint)?.Trim() switch
    {
        "b true" => new Sensed<TimeSpan>(TimeSpan.MaxValue, "logind says that every session is idle"),
        "b false" => new Sensed<TimeSpan>(TimeSpan.Zero, "logind says that a session is in use"),
        _ => Sensed<TimeSpan>.Unknown("logind does not say whether a session is idle"),
    };

    private Sensed<double> ReadLoad()
    {
        var first = ReadText(Path.Combine(root, "proc/loadavg"))?.Split(' ')[0];
        return double.TryParse(first, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var load) && double.IsFinite(load)
            ? new Sensed<double>(load / Environment.ProcessorCount, $"a load of {load / Environment.ProcessorCount:F2} a core")
            : Sensed<double>.Unknown("/proc/loadavg does not say how busy the machine is");
    }

    private Sensed<long> ReadMemory()
    {
        const string Key = "MemAvailable:";
        var line = ReadText(Path.Combine(root, "proc/meminfo"))?.Split('\n').FirstOrDefault(line => line.StartsWith(Key, StringComparison.Ordinal));
        var number = line?[Key.Length..].Trim().Split(' ')[0];
        return long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var kilobytes) && kilobytes <= long.MaxValue / 1024
            ? new Sensed<long>(kilobytes * 1024, $"{kilobytes * 1024 / 1e6:F0} MB of memory are free")
            : Sensed<long>.Unknown("/proc/meminfo does not say how much memory is free");
    }
}
