using System.CommandLine;
using System.Globalization;
using Personalize.Cli.Hosting;
using Personalize.Training.Memory;

namespace Personalize.Cli.Options;

/// <summary><c>--memory SIZE</c>, such as <c>300MB</c> or <c>1GiB</c>: what training may take beside the model. It decides how much is computed together and what is kept for the backward, never the adapter.</summary>
internal static class MemoryOption
{
    private const double SmallestBytes = 1 << 20;
    private const double LargestBytes = 1L << 50;

    private static readonly (string Unit, double Bytes)[] Units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("KB", 1e3), ("MB", 1e6), ("GB", 1e9)];

    public static Option<long?> Create() => new("--memory")
    {
        Description = string.Create(CultureInfo.InvariantCulture, $"What training may take beside the model, such as 300MB; less is slower [default: {TrainingMemory.DefaultWorkspaceBytes >> 20}MiB and what adapter and optimizer take]"),
        HelpName = "SIZE",
        CustomParser = result =>
        {
            if (TryParse(result.Tokens[0].Value, out var bytes))
            {
                return bytes;
            }

            result.AddError("--memory needs a size of at least 1MiB with its unit, such as 300MB or 1GiB");
            return null;
        },
    };

    /// <summary>The budget, or null where none was given.</summary>
    public static TrainingMemory? Read(CommandContext context, Option<long?> option) => context.Get(option) is { } bytes ? new TrainingMemory { BudgetBytes = bytes } : null;

    internal static bool TryParse(string text, out long bytes)
    {
        bytes = 0;
        foreach (var (unit, size) in Units)
        {
            if (text.EndsWith(unit, StringComparison.OrdinalIgnoreCase)
                && double.TryParse(text.AsSpan(0, text.Length - unit.Length), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var count)
                && count * size is >= SmallestBytes and <= LargestBytes)
            {
                bytes = (long)(count * size);
                return true;
            }
        }

        return false;
    }
}
