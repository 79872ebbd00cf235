using System.Globalization;
using Personalize.Cli.Diagnostics;
using Personalize.Core.Interactions;
using Personalize.Core.Profiles;

namespace Personalize.Cli.Benchmarks;

/// <summary>Measures the encrypted store in a profile of its own: durable appends one by one and in batches, and reading at growing numbers of records. Beside them what the device itself does: one small write and one flush.</summary>
internal sealed class StoreBenchmark(string folder, TimeProvider time)
{
    public const int BatchSize = 100;

    private const string Source = "bench";
    private const int Flushes = 200;
    private const int StatusRuns = 9;

    // About what a short message and its answer take.
    private static readonly string Context = string.Concat(Enumerable.Repeat("what it answers ", 8));
    private static readonly string Text = string.Concat(Enumerable.Repeat("what was written ", 12));

    private long _next;

    /// <summary>Flushes of a 4 KiB write, a second: no store that acknowledges only what is durable can do more, one by one.</summary>
    public double MeasureFlushes()
    {
        using var file = new FileStream(Path.Combine(folder, "flush"), FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0, FileOptions.DeleteOnClose);
        var page = new byte[4096];
        file.SetLength(page.Length * (long)Flushes);
        file.Flush(flushToDisk: true);
        return Flushes / time.Seconds(() =>
        {
            for (var i = 0; i < Flushes; i++)
            {
                file.Write(page);
                file.Flush(flushToDisk: true);
            }
        });
    }

    /// <summary>Records a second, each durable before the next.</summary>
    public double MeasureSingle(int count, CancellationToken cancellationToken)
    {
        using var profile = Open("single");
        return count / time.Seconds(() =>
        {
            for (var i = 0; i < count; i++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                profile.Interactions.Append(Next());
            }
        });
    }

    /// <summary>Records a second, each batch durable before the next.</summary>
    public double MeasureBatches(int batches, CancellationToken cancellationToken)
    {
        using var profile = Open("batches");
        return batches * (double)BatchSize / time.Seconds(() => AppendBatches(profile.Interactions, batches, cancellationToken));
    }

    /// <summary>Fills one store up to each number in turn and reads all of it there.</summary>
    public IEnumerable<StoreFigures> MeasureGrowth(IReadOnlyList<long> sizes, CancellationToken cancellationToken)
    {
        using var profile = Open("growth");
        var store = profile.Interactions;
        long records = 0;
        foreach (var size in sizes)
        {
            var added = size - records;
            var filling = time.Seconds(() => AppendBatches(store, added / BatchSize, cancellationToken));
            records = size;
            var reading = time.Seconds(() =>
            {
                long read = 0;
                foreach (var _ in store.ReadAll())
                {
                    if (++read % 1024 == 0)
                    {
                        cancellationToken.ThrowIfCancellationRequested();
                    }
                }
            });
            var status = Enumerable.Range(0, StatusRuns).Select(_ => time.Seconds(() => store.GetStatus())).Order().ElementAt(StatusRuns / 2);
            yield return new StoreFigures(size, filling / added * 1e6, reading / size * 1e6, status * 1e3, store.GetStatus().Bytes, ProcessMemory.ResidentBytes());
        }
    }

    private Profile Open(string name)
    {
        var profile = Profile.Open(Path.Combine(folder, name));
        profile.Interactions.Consent.Give(Source);
        return profile;
    }

    private void AppendBatches(IInteractionStore store, long batches, CancellationToken cancellationToken)
    {
        for (long i = 0; i < batches; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            store.AppendMany(Enumerable.Range(0, BatchSize).Select(_ => Next()));
        }
    }

    // With an id, as an import has them: the index of duplicates is part of what is measured.
    private Interaction Next()
    {
        var number = _next++;
        return new Interaction(0, number.ToString(CultureInfo.InvariantCulture), DateTimeOffset.UnixEpoch.AddSeconds(number), Source, Context, Text);
    }
}
