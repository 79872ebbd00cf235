namespace Personalize.Cli.Presentation;

/// <summary>Progress in a pipe: a line now and then.</summary>
internal sealed class ProgressLines(TextWriter writer, TimeProvider time, string title) : IProgress<WorkProgress>
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);
    private readonly Lock _lock = new();
    private long _last = time.GetTimestamp();

    public void Report(WorkProgress value)
    {
        lock (_lock)
        {
            if (time.GetElapsedTime(_last) < Interval)
            {
                return;
            }

            _last = time.GetTimestamp();
            writer.WriteLine($"{title}: {value.Fraction:P0} {value.Detail}");
        }
    }
}
