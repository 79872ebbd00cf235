using Personalize.Core.Devices;

namespace Personalize.Core.Tests.Devices;

/// <summary>A folder laid out like the root of a Linux system, and a logind that says what it is told to.</summary>
internal sealed class FakeMachine : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("personalize-device-").FullName;

    /// <summary>What <c>busctl</c> writes; null where there is none.</summary>
    public string? Idle { get; set; } = "b true\n";

    /// <summary>A laptop at night: plugged in, full, cool, quiet.</summary>
    public static FakeMachine Laptop()
    {
        var machine = new FakeMachine();
        machine.Write("sys/class/power_supply/AC/type", "Mains");
        machine.Write("sys/class/power_supply/AC/online", "1");
        machine.Battery("BAT0", "Full", "98");
        machine.Write("sys/class/thermal/thermal_zone0/temp", "41000");
        machine.Write("proc/loadavg", "0.02 0.05 0.01 1/200 1234");
        machine.Write("proc/meminfo", "MemTotal:       16000000 kB\nMemFree:         1000000 kB\nMemAvailable:    8000000 kB\n");
        return machine;
    }

    public void Battery(string name, string status, string capacity)
    {
        Write($"sys/class/power_supply/{name}/type", "Battery");
        Write($"sys/class/power_supply/{name}/status", status);
        Write($"sys/class/power_supply/{name}/capacity", capacity);
    }

    public void Write(string path, string text)
    {
        var file = Path.Combine(_root, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text + "\n");
    }

    public void Remove(string path)
    {
        var full = Path.Combine(_root, path);
        if (Directory.Exists(full))
        {
            Directory.Delete(full, recursive: true);
        }
        else
        {
            File.Delete(full);
        }
    }

    public DeviceReadings Read(ConditionLimits? limits = null, bool isWorking = false) =>
        new DeviceConditions(new LinuxSensors(_root, (program, arguments) => program == "busctl" && arguments[^1] == "IdleHint" ? Idle : null), limits).Read(isWorking);

    public void Dispose() => Directory.Delete(_root, recursive: true);
}
