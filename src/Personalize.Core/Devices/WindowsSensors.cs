using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Personalize.Core.Devices;

/// <summary>Windows: GetSystemPowerStatus, GetLastInputInfo, GlobalMemoryStatusEx, and for heat the processor's speed limit of CallNtPowerInformation.</summary>
[SupportedOSPlatform("windows")]
internal sealed partial class WindowsSensors : ISensors
{
    private const byte UnknownByte = 255;
    private const byte NoBattery = 128;
    private const int ProcessorInformation = 11;

    public SensorValues Read()
    {
        var known = GetSystemPowerStatus(out var power);
        return new SensorValues
        {
            Mains = known ? Mains(power.LineStatus) : Sensed<bool>.Unknown("Windows does not say where the power comes from"),
            BatteryPercent = known ? Battery(power.BatteryFlag, power.Percent) : Sensed<double>.Unknown("Windows does not say how full the battery is"),
            Away = Away(),
            Celsius = Sensed<double>.Unknown("Windows does not say how hot the machine is"),
            FullSpeed = Speed(),
            FreeMemory = Memory(),
        };
    }

    internal static Sensed<bool> Mains(byte lineStatus) => lineStatus switch
    {
        1 => new Sensed<bool>(true, "AC power"),
        0 => new Sensed<bool>(false, "battery power"),
        _ => Sensed<bool>.Unknown("Windows does not say where the power comes from"),
    };

    internal static Sensed<double> Battery(byte flag, byte percent) => (flag, percent) switch
    {
        (not UnknownByte, _) when (flag & NoBattery) != 0 => new Sensed<double>(100, "there is no battery"),
        (_, <= 100) => new Sensed<double>(percent, $"the battery is at {percent} %"),
        _ => Sensed<double>.Unknown("Windows does not say how full the battery is"),
    };

    // Both are the low 32 bits of the same clock, which wrap every 49 days.
    internal static TimeSpan Elapsed(uint now, uint then) => TimeSpan.FromMilliseconds(unchecked(now - then));

    private static Sensed<TimeSpan> Away()
    {
        var input = new LastInput { Size = (uint)Marshal.SizeOf<LastInput>() };
        if (!GetLastInputInfo(ref input))
        {
            return Sensed<TimeSpan>.Unknown("Windows does not say when the machine was touched last");
        }

        var away = Elapsed(unchecked((uint)Environment.TickCount64), input.Tick);
        return new Sensed<TimeSpan>(away, $"untouched for {away.TotalMinutes:F0} min");
    }

    private static unsafe Sensed<bool> Speed()
    {
        var processors = new ProcessorPower[Environment.ProcessorCount];
        fixed (ProcessorPower* first = processors)
        {
            if (CallNtPowerInformation(ProcessorInformation, null, 0, first, (uint)(processors.Length * sizeof(ProcessorPower))) != 0 || processors.Any(processor => processor.MaximumMegahertz == 0))
            {
                return Sensed<bool>.Unknown("Windows does not say whether the processor is throttled");
            }
        }

        var slowest = processors.Min(processor => 100.0 * processor.LimitMegahertz / processor.MaximumMegahertz);
        return new Sensed<bool>(slowest >= 100, $"the processor may run at {slowest:F0} % of its speed");
    }

    private static Sensed<long> Memory()
    {
        var status = new MemoryStatus { Size = (uint)Marshal.SizeOf<MemoryStatus>() };
        return GlobalMemoryStatusEx(ref status)
            ? new Sensed<long>((long)Math.Min(status.AvailablePhysical, long.MaxValue), $"{status.AvailablePhysical / 1e6:F0} MB of memory are free")
            : Sensed<long>.Unknown("Windows does not say how much memory is free");
    }

    [LibraryImport("kernel32.dll")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool GetSystemPowerStatus(out PowerStatus status);

    [LibraryImport("user32.dll")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool GetLastInputInfo(ref LastInput input);

    [LibraryImport("kernel32.dll")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool GlobalMemoryStatusEx(ref MemoryStatus status);

    [LibraryImport("powrprof.dll")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static unsafe partial int CallNtPowerInformation(int level, void* input, uint inputLength, void* output, uint outputLength);

    [StructLayout(LayoutKind.Sequential)]
    private struct PowerStatus
    {
        public byte LineStatus;
        public byte BatteryFlag;
        public byte Percent;
        public byte SystemFlag;
        public uint LifeTime;
        public uint FullLifeTime;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct LastInput
    {
        public uint Size;
        public uint Tick;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct MemoryStatus
    {
        public uint Size;
        public uint LoadPercent;
        public ulong TotalPhysical;
        public ulong AvailablePhysical;
        public ulong TotalPageFile;
        public ulong AvailablePageFile;
        public ulong TotalVirtual;
        public ulong AvailableVirtual;
        public ulong AvailableExtendedVirtual;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct ProcessorPower
    {
        public uint Number;
        public uint MaximumMegahertz;
        public uint CurrentMegahertz;
        public uint LimitMegahertz;
        public uint MaximumIdleState;
        public uint CurrentIdleState;
    }
}
