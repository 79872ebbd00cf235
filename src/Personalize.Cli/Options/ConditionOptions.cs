using System.CommandLine;
using Personalize.Cli.Hosting;
using Personalize.Core.Devices;

namespace Personalize.Cli.Options;

/// <summary>The options about the device's conditions that <c>train</c> and <c>agent</c> share.</summary>
internal static class ConditionOptions
{
    private static readonly string[] Names = [.. Enum.GetNames<DeviceCondition>().Select(name => name.ToLowerInvariant())];

    /// <summary>Creates <c>--assume</c>.</summary>
    public static Option<string[]> Assume()
    {
        var option = new Option<string[]>("--assume")
        {
            Description = $"Take a condition as met where the device does not say ({string.Join(", ", Names)}); one that it denies still stands",
            HelpName = "CONDITION",
            AllowMultipleArgumentsPerToken = false,
        };
        option.Validators.Add(result =>
        {
            foreach (var value in result.Tokens.SelectMany(token => token.Value.Split(',')).Where(value => !Names.Contains(value, StringComparer.Ordinal)))
            {
                result.AddError($"--assume: there is no condition {value}; there are {string.Join(", ", Names)}");
            }
        });
        return option;
    }

    /// <summary>The device, as a command sees it.</summary>
    public static IDeviceConditions Open(CommandContext context, Option<string[]> assume) =>
        context.Device(new ConditionLimits { Assumed = [.. (context.Get(assume) ?? []).SelectMany(value => value.Split(',')).Select(name => Enum.Parse<DeviceCondition>(name, ignoreCase: true))] });
}
