namespace Personalize.Cli.Benchmarks;

/// <summary>Measures how long something takes.</summary>
internal static class Clock
{
    public static double Seconds(this TimeProvider time, Action work)
    {
        var began = time.GetTimestamp();
        work();
        return time.GetElapsedTime(began).TotalSeconds;
    }
}
