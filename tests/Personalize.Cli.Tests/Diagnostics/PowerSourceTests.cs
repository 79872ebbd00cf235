using Personalize.Cli.Diagnostics;

namespace Personalize.Cli.Tests.Diagnostics;

public class PowerSourceTests
{
    [Fact]
    public void A_battery_tells_its_charge()
    {
        using var folder = new TemporaryFolder();
        Supply(folder, "BAT0", ("type", "Battery"), ("status", "Discharging"), ("capacity", "81"));
        Supply(folder, "AC", ("type", "Mains"), ("online", "0"));

        Assert.Equal("battery, discharging, 81 %", PowerSource.Describe(folder.Path));
    }

    [Fact]
    public void A_plug_wins_over_a_battery()
    {
        using var folder = new TemporaryFolder();
        Supply(folder, "BAT0", ("type", "Battery"), ("status", "Charging"), ("capacity", "81"));
        Supply(folder, "AC", ("type", "Mains"), ("online", "1"));

        Assert.Equal("mains", PowerSource.Describe(folder.Path));
    }

    [Fact]
    public void Machines_that_say_nothing_are_told_apart()
    {
        using var folder = new TemporaryFolder();

        Assert.StartsWith("mains", PowerSource.Describe(folder.Path), StringComparison.Ordinal);
        Assert.StartsWith("unknown", PowerSource.Describe(folder["missing"]), StringComparison.Ordinal);
    }

    private static void Supply(TemporaryFolder folder, string name, params (string File, string Content)[] files)
    {
        Directory.CreateDirectory(folder[name]);
        foreach (var (file, content) in files)
        {
            File.WriteAllText(Path.Combine(folder[name], file), content + "\n");
        }
    }
}
