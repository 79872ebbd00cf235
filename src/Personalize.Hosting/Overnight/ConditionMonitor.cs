using Personalize.Core.Devices;

namespace Personalize.Hosting.Overnight;

/// <summary>Reads the conditions while work goes on and cancels it when one no longer holds. Safe to share between threads.</summary>
public sealed class ConditionMonitor : IDisposable
{
    private readonly IDeviceConditions _conditions;
    private readonly CancellationTokenSource _source;
    private readonly ITimer _timer;
    private int _reading;
    private volatile DeviceReadings _latest;

    /// <summary>Begins to read.</summary>
    /// <param name="conditions">The device.</param>
    /// <param name="interval">How often it is read.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Cancels the work for another reason.</param>
    public ConditionMonitor(IDeviceConditions conditions, TimeSpan interval, TimeProvider time, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(conditions);
        ArgumentNullException.ThrowIfNull(time);
        _conditions = conditions;
        _source = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _latest = conditions.Read(isWorking: true);
        _timer = time.CreateTimer(static monitor => ((ConditionMonitor)monitor!).Look(), this, interval, interval);
    }

    /// <summary>Cancelled when a condition no longer holds, or when everything is to stop.</summary>
    public CancellationToken Token => _source.Token;

    /// <summary>The conditions as they were read last.</summary>
    public DeviceReadings Latest => _latest;

    /// <summary>Whether work was cancelled for a condition.</summary>
    public bool HasYielded => !_latest.AllMet;

    /// <summary>Stops reading.</summary>
    public void Dispose()
    {
        _timer.Dispose();
        _source.Dispose();
    }

    private void Look()
    {
        // A slow sensor must not be asked by two timers' threads at once.
        if (Interlocked.Exchange(ref _reading, 1) == 1)
        {
            return;
        }

        try
        {
            // Once yielded, the reason stays as it was.
            if (_latest.AllMet)
            {
                _latest = _conditions.Read(isWorking: true);
            }

            if (!_latest.AllMet && !_source.IsCancellationRequested)
            {
                _source.Cancel();
            }
        }
        catch (ObjectDisposedException)
        {
            // The work ended while this was reading.
        }
        finally
        {
            Volatile.Write(ref _reading, 0);
        }
    }
}
