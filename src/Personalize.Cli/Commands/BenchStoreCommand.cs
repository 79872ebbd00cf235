using System.CommandLine;
using Personalize.Cli.Benchmarks;
using Personalize.Cli.Hosting;
using Personalize.Cli.Options;

namespace Personalize.Cli.Commands;

/// <summary><c>bench store</c>: the encrypted store on this machine and its device.</summary>
internal static class BenchStoreCommand
{
    private static readonly long[] Sizes = [1_000, 100_000, 1_000_000];

    public static Command Create(CommandHost host)
    {
        var largest = new Option<long>("--largest") { Description = "The most records to read: 1,000 and 100,000 and 1,000,000 are measured as far as this goes", HelpName = "N", DefaultValueFactory = _ => Sizes[^1] }.InRange(Sizes[0], Sizes[^1]);
        var appends = new Option<int>("--appends") { Description = "How many records are appended one by one, and how many batches", HelpName = "N", DefaultValueFactory = _ => 1_000 }.InRange(1, 100_000);
        var folder = new Option<string?>("--folder") { Description = "Where to write, on the device to be measured; a folder of its own that is removed unless named", HelpName = "DIR" };
        var command = new Command("store", "The encrypted store: durable appends, reading by time, status") { largest, appends, folder };
        host.Bind(command, context => Run(context, context.Get(largest), context.Get(appends), context.Get(folder)));
        return command;
    }

    private static int Run(CommandContext context, long largest, int appends, string? path)
    {
        using var folder = new BenchmarkFolder(path);
        var benchmark = new StoreBenchmark(folder.Path, context.Time);
        var flushes = benchmark.MeasureFlushes();
        var single = benchmark.MeasureSingle(appends, context.CancellationToken);
        var batches = benchmark.MeasureBatches(appends, context.CancellationToken);
        List<StoreFigures> sizes = [.. benchmark.MeasureGrowth([.. Sizes.Where(size => size <= largest)], context.CancellationToken)];
        var slowdown = sizes.Max(size => size.ReadMicroseconds) / sizes.Min(size => size.ReadMicroseconds);
        context.Output.Result(
            json =>
            {
                json.WriteNumber("flushesPerSecond", Math.Round(flushes));
                json.WriteNumber("appendsPerSecond", Math.Round(single));
                json.WriteNumber("batchSize", StoreBenchmark.BatchSize);
                json.WriteNumber("batchedRecordsPerSecond", Math.Round(batches));
                json.WriteStartArray("sizes");
                foreach (var size in sizes)
                {
                    json.WriteStartObject();
                    json.WriteNumber("records", size.Records);
                    json.WriteNumber("appendMicrosecondsPerRecord", Math.Round(size.AppendMicroseconds, 2));
                    json.WriteNumber("readMicrosecondsPerRecord", Math.Round(size.ReadMicroseconds, 2));
                    json.WriteNumber("statusMilliseconds", Math.Round(size.StatusMilliseconds, 3));
                    json.WriteNumber("databaseBytes", size.DatabaseBytes);
                    json.WriteNumber("residentBytes", size.ResidentBytes);
                    json.WriteEndObject();
                }

                json.WriteEndArray();
                json.WriteNumber("readSlowdown", Math.Round(slowdown, 2));
            },
            _ =>
            {
                context.Output.Text($"{single:F0} records/s one by one and {batches:F0} in batches of {StoreBenchmark.BatchSize}, durable and encrypted; the device flushes {flushes:F0} times a second\n");
                foreach (var size in sizes)
                {
                    context.Output.Text($"{size.Records,9} records: {size.AppendMicroseconds:F1} us to append, {size.ReadMicroseconds:F1} us to read a record, status {size.StatusMilliseconds:F2} ms, {size.ResidentBytes / 1e6:F0} MB resident\n");
                }
            });
        return ExitCode.Done;
    }
}
