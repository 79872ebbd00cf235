using System.Globalization;
using System.Text.Json;
using Personalize.Cli.Hosting;

namespace Personalize.Cli.Benchmarks;

/// <summary>The training benchmark over lengths, batches and ranks, each cell in a process of its own: the most memory a process held cannot be told apart later.</summary>
internal sealed class TrainingTable(CommandContext context, string model, IReadOnlyList<string> common)
{
    /// <summary>Measures every combination, in order.</summary>
    public IReadOnlyList<Cell> Run(IReadOnlyList<int> lengths, IReadOnlyList<int> batches, IReadOnlyList<int> ranks)
    {
        var cells = new List<Cell>();
        foreach (var (length, batch, rank) in from length in lengths from batch in batches from rank in ranks select (length, batch, rank))
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            string[] own = ["bench", "training", "--json", "--sequence", Text(length), "--batch", Text(batch), "--rank", Text(rank)];
            using var process = OwnProcess.Start(context, model, [.. own, .. common]);
            var line = process.StandardOutput.ReadToEnd();
            OwnProcess.Finish(process);
            using var json = JsonDocument.Parse(line);
            var root = json.RootElement;
            cells.Add(new Cell(length, batch, rank, root.GetProperty("tokensPerSecond").GetDouble(), root.GetProperty("fractionOfPeak").GetDouble(), root.GetProperty("peakResidentBytes").GetInt64()));
            context.Output.Note(Describe(cells[^1]));
        }

        return cells;
    }

    public static string Describe(Cell cell) => string.Create(
        CultureInfo.InvariantCulture, $"{cell.Batch} x {cell.Length}, rank {cell.Rank}: {cell.TokensPerSecond:F0} tokens/s, {cell.FractionOfPeak:P0} of the peak, {cell.PeakBytes / 1e6:F0} MB at most");

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);

    /// <summary>What one combination gave.</summary>
    internal sealed record Cell(int Length, int Batch, int Rank, double TokensPerSecond, double FractionOfPeak, long PeakBytes);
}
