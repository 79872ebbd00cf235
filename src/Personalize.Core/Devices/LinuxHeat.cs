namespace Personalize.Core.Devices;

/// <summary>The hottest of <c>thermal/thermal_zone*/temp</c> and <c>hwmon/hwmon*/temp*_input</c>, thousandths of a degree.</summary>
internal static class LinuxHeat
{
    // A sensor that is switched off, or absent, shows absolute zero, zero or the limit of its number.
    private const double Coldest = -30;
    private const double Hottest = 150;

    public static Sensed<double> Read(string sysClass)
    {
        var degrees = Files(Path.Combine(sysClass, "thermal"), "thermal_zone*", "temp")
            .Concat(Files(Path.Combine(sysClass, "hwmon"), "hwmon*", "temp*_input"))
            .Select(LinuxSensors.ReadNumber)
            .OfType<long>()
            .Select(value => value / 1000.0)
            .Where(celsius => celsius is > Coldest and < Hottest and not 0)
            .ToList();
        return degrees.Count > 0 ? new Sensed<double>(degrees.Max(), $"the hottest sensor is at {degrees.Max():F0} degrees") : Sensed<double>.Unknown("no temperature is reported");
    }

    private static List<string> Files(string folder, string devices, string files)
    {
        try
        {
            return [.. Directory.EnumerateDirectories(folder, devices).SelectMany(device => Directory.EnumerateFiles(device, files))];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
