using Personalize.Core.Devices;
using Personalize.Training;

namespace Personalize.Hosting.Overnight;

/// <summary>Rests between the steps of training where the device is warm, and passes progress on.</summary>
/// <param name="monitor">Knows the temperature, and ends a rest when work is to stop.</param>
/// <param name="governor">How long to rest.</param>
/// <param name="time">The clock.</param>
/// <param name="next">Told after every step, or null.</param>
internal sealed class PacedProgress(ConditionMonitor monitor, ThermalGovernor governor, TimeProvider time, IProgress<TrainingProgress>? next) : IProgress<TrainingProgress>
{
    private long _began = time.GetTimestamp();

    public void Report(TrainingProgress value)
    {
        next?.Report(value);
        OvernightTelemetry.Steps.Add(1);
        var rest = governor.RestAfter(time.GetElapsedTime(_began), monitor.Latest.ThermalHeadroom);
        if (rest > TimeSpan.Zero && !monitor.Token.IsCancellationRequested)
        {
            using var over = new ManualResetEventSlim();
            using var timer = time.CreateTimer(static state => ((ManualResetEventSlim)state!).Set(), over, rest, Timeout.InfiniteTimeSpan);
            try
            {
                over.Wait(monitor.Token);
            }
            catch (OperationCanceledException)
            {
                // The trainer looks at the same token next, and keeps its state.
            }
        }

        _began = time.GetTimestamp();
    }
}
