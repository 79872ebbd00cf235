namespace Personalize.Core.Devices;

/// <summary>What <c>/sys/class/power_supply</c> says: chargers (Mains, USB, Wireless) with <c>online</c>, batteries with <c>status</c> and <c>capacity</c>.</summary>
/// <param name="Mains">Whether power comes from outside.</param>
/// <param name="Percent">How full the batteries are.</param>
/// <param name="IsForWantOfBattery">Whether neither a charger nor a battery is reported.</param>
internal sealed record LinuxPower(Sensed<bool> Mains, Sensed<double> Percent, bool IsForWantOfBattery)
{
    public static LinuxPower Read(string folder)
    {
        string[] supplies;
        try
        {
            supplies = [.. Directory.EnumerateDirectories(folder).Order(StringComparer.Ordinal)];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            const string Missing = "/sys/class/power_supply cannot be read";
            return new LinuxPower(Sensed<bool>.Unknown(Missing), Sensed<double>.Unknown(Missing), IsForWantOfBattery: false);
        }

        var chargers = new List<long?>();
        var batteries = new List<(string? Status, double? Percent)>();
        var unreadable = false;
        foreach (var supply in supplies)
        {
            switch (Text(supply, "type"))
            {
                case "Mains" or "USB" or "Wireless":
                    chargers.Add(LinuxSensors.ReadNumber(Path.Combine(supply, "online")));
                    break;

                // A mouse has a battery too, and a laptop a slot that may be empty.
                case "Battery" when Text(supply, "scope") != "Device" && Text(supply, "present") != "0":
                    batteries.Add((Text(supply, "status"), LinuxSensors.ReadNumber(Path.Combine(supply, "capacity")) is { } percent and >= 0 and <= 100 ? percent : null));
                    break;
                case "Battery" or "UPS":
                    break;
                default:
                    unreadable = true;
                    break;
            }
        }

        if (chargers.Count == 0 && batteries.Count == 0 && !unreadable)
        {
            return new LinuxPower(new Sensed<bool>(true, "neither a battery nor a charger is reported"), new Sensed<double>(100, "there is no battery"), IsForWantOfBattery: true);
        }

        return new LinuxPower(Judge(chargers, batteries), Fill(batteries, unreadable), IsForWantOfBattery: false);
    }

    private static Sensed<bool> Judge(List<long?> chargers, List<(string? Status, double? Percent)> batteries)
    {
        var plugged = chargers.Exists(online => online is 1 or 2);
        if (batteries.Exists(battery => battery.Status == "Discharging"))
        {
            return new Sensed<bool>(false, plugged ? "a charger is plugged in and the battery drains nevertheless" : "the battery drains");
        }

        if (plugged)
        {
            return new Sensed<bool>(true, "a charger is plugged in");
        }

        if (batteries.Exists(battery => battery.Status == "Charging"))
        {
            return new Sensed<bool>(true, "the battery charges");
        }

        if (chargers.Count > 0)
        {
            return chargers.TrueForAll(online => online == 0) ? new Sensed<bool>(false, "no charger is plugged in") : Sensed<bool>.Unknown("a charger does not say whether it is plugged in");
        }

        return batteries.Count > 0 && batteries.TrueForAll(battery => battery.Status is "Full" or "Not charging")
            ? new Sensed<bool>(true, "the battery is full and does not drain")
            : Sensed<bool>.Unknown("the battery does not say whether it charges");
    }

    private static Sensed<double> Fill(List<(string? Status, double? Percent)> batteries, bool unreadable)
    {
        if (batteries.Count == 0)
        {
            return unreadable ? Sensed<double>.Unknown("a power supply does not say what it is") : new Sensed<double>(100, "there is no battery");
        }

        return batteries.TrueForAll(battery => battery.Percent is not null)
            ? new Sensed<double>(batteries.Average(battery => battery.Percent!.Value), $"the battery is at {batteries.Average(battery => battery.Percent!.Value):F0} %")
            : Sensed<double>.Unknown("a battery does not say how full it is");
    }

    private static string? Text(string supply, string name) => LinuxSensors.ReadText(Path.Combine(supply, name));
}
