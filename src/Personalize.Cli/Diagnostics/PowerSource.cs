namespace Personalize.Cli.Diagnostics;

/// <summary>Where the machine's power comes from, as far as the system says.</summary>
internal static class PowerSource
{
    private const string LinuxSupplies = "/sys/class/power_supply";

    /// <summary>Reads it now.</summary>
    /// <returns>For a person.</returns>
    public static string Describe() => Describe(LinuxSupplies);

    /// <summary>Reads it from a folder laid out as Linux does.</summary>
    internal static string Describe(string folder)
    {
        if (!Directory.Exists(folder))
        {
            return "unknown on this system";
        }

        var battery = "";
        foreach (var supply in Directory.EnumerateDirectories(folder).Order(StringComparer.Ordinal))
        {
            switch (Read(supply, "type"))
            {
                case "Mains" or "USB" when Read(supply, "online") == "1":
                    return "mains";
                case "Battery":
                    battery = $"battery, {Read(supply, "status").ToLowerInvariant()}, {Read(supply, "capacity")} %";
                    break;
            }
        }

        return battery.Length > 0 ? battery : "mains (no battery is reported)";
    }

    private static string Read(string supply, string name)
    {
        try
        {
            return File.ReadAllText(Path.Combine(supply, name)).Trim();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
