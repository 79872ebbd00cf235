using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Personalize.Core.Kernels;

/// <summary>Runs independent units of work on a fixed number of threads without allocating and without sleeping between the layers of a token.</summary>
/// <remarks>
/// The caller takes part. Units are claimed in runs of <c>grain</c> from one counter that also holds the job's generation, so a worker that arrives late can neither
/// claim a unit of a finished job nor keep the caller waiting. A job ends when what its threads did adds up; each adds its own once, when nothing is left to claim. Workers spin for a moment after a job and then park, which gives the cores back when nothing happens.
/// <see cref="Run"/> may be called from several threads; jobs then follow one another.
/// </remarks>
public sealed unsafe class WorkerPool : IDisposable
{
    /// <summary>About a millisecond: longer than what one thread does alone between two products of a token.</summary>
    private const int SpinsBeforeParking = 50_000;

    /// <summary>Some tens of microseconds: longer than a unit of work takes.</summary>
    private const int SpinsBeforeYielding = 2_000;

    private readonly Thread[] _workers;
    private readonly SemaphoreSlim _wake = new(0);
    private readonly Lock _gate = new();
    private Counters _counters;
    private int _parked;
    private volatile bool _stopping;
    private delegate*<void*, int, int, void> _invoke;
    private void* _work;
    private int _units;
    private int _grain;
    private int _shares = 1;

    /// <summary>Starts the threads.</summary>
    /// <param name="threadCount">How many threads work, the caller's included; 0 means one for each core.</param>
    public WorkerPool(int threadCount = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threadCount);
        ThreadCount = threadCount == 0 ? Environment.ProcessorCount : threadCount;
        _workers = new Thread[ThreadCount - 1];
        for (var i = 0; i < _workers.Length; i++)
        {
            _workers[i] = new Thread(Work) { IsBackground = true, Name = $"personalize-{i + 1}" };
            _workers[i].Start();
        }
    }

    /// <summary>How many threads work, the caller's included.</summary>
    public int ThreadCount { get; }

    /// <summary>Does all units and returns when the last one is done.</summary>
    /// <typeparam name="TWork">A struct of raw pointers and sizes; its <c>Execute</c> must not throw.</typeparam>
    /// <param name="work">The work; must stay on the caller's stack.</param>
    /// <param name="units">How many units there are.</param>
    /// <param name="grain">How many consecutive units a thread claims at once.</param>
    public void Run<TWork>(ref TWork work, int units, int grain = 1)
        where TWork : struct, IParallelWork => Share(ref work, units, grain, shares: int.MaxValue);

    /// <summary>As <see cref="Run{TWork}(ref TWork, int, int)"/> for units that share something: threads claim runs of them, long ones first and single ones at the end, so that much is shared and nobody waits long for the last (guided self-scheduling, Polychronopoulos and Kuck, IEEE Transactions on Computers 36, 1987).</summary>
    /// <typeparam name="TWork">A struct of raw pointers and sizes; its <c>Execute</c> must not throw.</typeparam>
    /// <param name="work">The work; must stay on the caller's stack.</param>
    /// <param name="units">How many units there are.</param>
    internal void RunGuided<TWork>(ref TWork work, int units)
        where TWork : struct, IParallelWork => Share(ref work, units, grain: 1, shares: 2 * ThreadCount);

    private void Share<TWork>(ref TWork work, int units, int grain, int shares)
        where TWork : struct, IParallelWork
    {
        if (units <= 0)
        {
            return;
        }

        if (_workers.Length == 0 || units <= grain)
        {
            work.Execute(0, units);
            return;
        }

        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_stopping, this);
            // Closed first: a worker still holding the last ticket must not claim with the new job's fields.
            var generation = _counters.Ticket >> 32;
            Interlocked.Exchange(ref _counters.Ticket, (generation << 32) | int.MaxValue);
            _invoke = &Invoke<TWork>;
            _work = Unsafe.AsPointer(ref work);
            _units = units;
            _grain = Math.Max(1, grain);
            _shares = shares;
            _counters.Completed = 0;
            Volatile.Write(ref _counters.Ticket, (generation + 1) << 32);
            Interlocked.Exchange(ref _counters.Generation, generation + 1);
            if (Volatile.Read(ref _parked) > 0)
            {
                var sleepers = Interlocked.Exchange(ref _parked, 0);
                if (sleepers > 0)
                {
                    _wake.Release(sleepers);
                }
            }

            var others = units - Claim();
            for (var spins = 0; Volatile.Read(ref _counters.Completed) < others; spins++)
            {
                if (spins < SpinsBeforeYielding)
                {
                    Pause();
                }
                else
                {
                    // A worker that lost its core must get it back.
                    Thread.Yield();
                }
            }
        }
    }

    /// <summary>Stops the threads; no job may be running.</summary>
    public void Dispose()
    {
        if (_stopping)
        {
            return;
        }

        _stopping = true;
        _wake.Release(_workers.Length + 1);
        foreach (var worker in _workers)
        {
            worker.Join();
        }

        _wake.Dispose();
    }

    /// <summary>One look's distance: what the framework's own wait makes of a look takes as long as a small product.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Pause()
    {
        if (X86Base.IsSupported)
        {
            X86Base.Pause();
        }
        else if (ArmBase.IsSupported)
        {
            ArmBase.Yield();
        }
        else
        {
            Thread.SpinWait(1);
        }
    }

    private static void Invoke<TWork>(void* work, int start, int end)
        where TWork : struct, IParallelWork => Unsafe.AsRef<TWork>(work).Execute(start, end);

    /// <summary>Does units until none is left to claim.</summary>
    /// <returns>How many; all of one job, for a job does not end before they are counted.</returns>
    private int Claim()
    {
        for (var done = 0; ;)
        {
            var ticket = Volatile.Read(ref _counters.Ticket);
            var start = (int)ticket;
            var units = _units;
            var grain = _grain;
            var shares = _shares;
            var invoke = _invoke;
            var work = _work;
            if (start >= units)
            {
                return done;
            }

            var end = (int)Math.Min((long)start + Math.Max(grain, (units - start) / shares), units);

            // Success proves that the fields above belong to this ticket's generation: they change only after all of its units were claimed.
            if (Interlocked.CompareExchange(ref _counters.Ticket, (ticket & ~0xFFFF_FFFFL) | (uint)end, ticket) == ticket)
            {
                invoke(work, start, end);
                done += end - start;
            }
        }
    }

    private void Work()
    {
        var seen = 0L;
        while (!_stopping)
        {
            var spins = 0;
            while (Volatile.Read(ref _counters.Generation) == seen && !_stopping)
            {
                if (++spins < SpinsBeforeParking)
                {
                    Pause();
                    continue;
                }

                Interlocked.Increment(ref _parked);
                if (Volatile.Read(ref _counters.Generation) == seen && !_stopping)
                {
                    _wake.Wait();
                }
                else
                {
                    // Not going to sleep after all; a caller that already counted this thread releases it once too often, which only costs one look.
                    var parked = Volatile.Read(ref _parked);
                    if (parked > 0)
                    {
                        Interlocked.CompareExchange(ref _parked, parked - 1, parked);
                    }
                }

                spins = 0;
            }

            seen = Volatile.Read(ref _counters.Generation);
            var done = Claim();
            if (done > 0)
            {
                Interlocked.Add(ref _counters.Completed, done);
            }
        }
    }

    /// <summary>What several threads write, each on lines of its own: a thread that looks at one would otherwise slow down who writes another.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 4 * CacheLine.PairBytes)]
    private struct Counters
    {
        /// <summary>The job's generation and, in the lower half, the next unit to claim.</summary>
        [FieldOffset(CacheLine.PairBytes)]
        public long Ticket;

        /// <summary>The generation once more, at which workers look while there is nothing to do.</summary>
        [FieldOffset(2 * CacheLine.PairBytes)]
        public long Generation;

        /// <summary>How many units the workers, without the caller, have done.</summary>
        [FieldOffset(3 * CacheLine.PairBytes)]
        public int Completed;
    }
}
