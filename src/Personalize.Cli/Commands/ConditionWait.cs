using Personalize.Cli.Hosting;
using Personalize.Core.Devices;
using Personalize.Core.Errors;
using Personalize.Hosting.Overnight;

namespace Personalize.Cli.Commands;

/// <summary>Lets a command work only while the device's conditions hold.</summary>
/// <param name="context">The command.</param>
/// <param name="conditions">The device.</param>
/// <param name="longest">How long to wait for the conditions at most, each time.</param>
internal sealed class ConditionWait(CommandContext context, IDeviceConditions conditions, TimeSpan longest)
{
    private const string Remedy = "train now with --now";

    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(400);

    /// <summary>Returns when all conditions hold.</summary>
    /// <exception cref="DeviceConditionsException">One is not known, so that waiting is in vain, or they did not come about in time.</exception>
    public void Wait()
    {
        var began = context.Time.GetTimestamp();
        var said = "";
        while (true)
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            var readings = conditions.Read(isWorking: false);
            if (readings.AllMet)
            {
                return;
            }

            var unknown = readings.Each.Where(entry => entry.Reading.Holds is null).Select(entry => entry.Condition.ToString().ToLowerInvariant()).ToList();
            if (unknown.Count > 0)
            {
                throw new DeviceConditionsException(readings.Obstacles, $"{Remedy}, or say --assume {string.Join(',', unknown)}");
            }

            if (context.Time.GetElapsedTime(began) >= longest)
            {
                throw new DeviceConditionsException(readings.Obstacles, $"waited for {longest.TotalSeconds:F0} s; {Remedy}, or wait longer with --give-up-after");
            }

            if (said != readings.Obstacles)
            {
                said = readings.Obstacles;
                context.Output.Note($"waiting: {said}");
            }

            context.CancellationToken.WaitHandle.WaitOne(LookInterval);
        }
    }

    /// <summary>Works while the conditions hold; when one no longer does the work is cancelled, waited for, and begun again, to go on from where it was.</summary>
    public T Work<T>(Func<CancellationToken, T> work)
    {
        while (true)
        {
            using var monitor = new ConditionMonitor(conditions, PollInterval, context.Time, context.CancellationToken);
            try
            {
                return work(monitor.Token);
            }
            catch (OperationCanceledException) when (monitor.HasYielded && !context.CancellationToken.IsCancellationRequested)
            {
                context.Output.Note($"interrupted: {monitor.Latest.Obstacles}");
            }

            Wait();
        }
    }
}
