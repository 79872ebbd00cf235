namespace Personalize.Hosting.Tests.Overnight;

/// <summary>A clock that stands until it is moved. Who waits for a while moves it: pauses take no real time.</summary>
internal sealed class SimulatedTime(DateTimeOffset now) : TimeProvider
{
    private readonly Lock _gate = new();
    private readonly List<Timer> _timers = [];
    private DateTimeOffset _now = now;

    /// <summary>The pauses that were asked for.</summary>
    public List<TimeSpan> Pauses { get; } = [];

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow()
    {
        lock (_gate)
        {
            return _now;
        }
    }

    public override long GetTimestamp() => GetUtcNow().UtcTicks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, callback, state, period);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Moves the clock and rings what is due on the way, in order.</summary>
    public void Advance(TimeSpan span) => AdvanceTo(GetUtcNow() + span);

    // The clock never goes back: two may move it at once, the one who waits and the one whose waiting was cut short.
    private void AdvanceTo(DateTimeOffset end)
    {
        while (true)
        {
            Timer? next;
            lock (_gate)
            {
                next = _timers.Where(timer => timer.Due <= end).MinBy(timer => timer.Due);
                if (next is null)
                {
                    _now = end > _now ? end : _now;
                    return;
                }

                _now = next.Due > _now ? next.Due : _now;
                if (next.Period > TimeSpan.Zero)
                {
                    next.Due += next.Period;
                }
                else
                {
                    _timers.Remove(next);
                }
            }

            next.Ring();
        }
    }

    private sealed class Timer(SimulatedTime time, TimerCallback callback, object? state, TimeSpan period) : ITimer
    {
        public DateTimeOffset Due { get; set; }

        public TimeSpan Period { get; } = period;

        public void Ring() => callback(state);

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            if (dueTime == Timeout.InfiniteTimeSpan)
            {
                return true;
            }

            var due = time.GetUtcNow() + dueTime;
            lock (time._gate)
            {
                Due = due;
                time._timers.Add(this);
                if (Period > TimeSpan.Zero)
                {
                    return true;
                }

                time.Pauses.Add(dueTime);
            }

            // To when it is due, not by how long it waits: somebody else may have moved the clock meanwhile, or not.
            _ = ThreadPool.UnsafeQueueUserWorkItem(_ => time.AdvanceTo(due), null);

            return true;
        }

        public void Dispose()
        {
            lock (time._gate)
            {
                time._timers.Remove(this);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
