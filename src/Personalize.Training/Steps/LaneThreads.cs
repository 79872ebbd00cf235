using System.Runtime.ExceptionServices;
using Personalize.Core.Kernels;

namespace Personalize.Training.Steps;

/// <summary>The threads of lanes that work side by side. Threads that share every product meet about a thousand times a step and fetch each other's results; lanes meet once.</summary>
/// <remarks>Lanes that are not to work at once follow one another, each on all threads. Owns the threads it started. Not thread-safe.</remarks>
internal sealed class LaneThreads : IDisposable
{
    private readonly WorkerPool[] _pools;

    /// <summary>Starts the threads of lanes that work at once, or lends the given ones to each lane in turn.</summary>
    /// <param name="lanes">How many lanes there are.</param>
    /// <param name="pool">The threads of a lane that works alone, which must outlive it; lanes that work at once share as many.</param>
    /// <param name="atOnce">Whether they work at once; each then needs buffers of its own.</param>
    public LaneThreads(int lanes, WorkerPool pool, bool atOnce)
    {
        AtOnce = atOnce;
        _pools = [.. Enumerable.Range(0, lanes).Select(_ => atOnce ? new WorkerPool(Math.Max(1, pool.ThreadCount / lanes)) : pool)];
    }

    /// <summary>Each lane's threads.</summary>
    public IReadOnlyList<WorkerPool> Pools => _pools;

    /// <summary>Whether all lanes work at the same time.</summary>
    public bool AtOnce { get; }

    /// <summary>Does something once for each lane and returns when all are done; the first failure is thrown as itself.</summary>
    /// <param name="work">Takes the lane.</param>
    public void Run(Action<int> work)
    {
        if (!AtOnce)
        {
            for (var lane = 0; lane < _pools.Length; lane++)
            {
                work(lane);
            }

            return;
        }

        var failures = new ExceptionDispatchInfo?[_pools.Length];
        Parallel.For(0, _pools.Length, new ParallelOptions { MaxDegreeOfParallelism = _pools.Length }, lane =>
        {
            try
            {
                work(lane);
            }
#pragma warning disable CA1031 // It is thrown again where the lanes meet, as itself and not in a bundle.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                failures[lane] = ExceptionDispatchInfo.Capture(exception);
            }
        });
        Array.Find(failures, failure => failure is not null)?.Throw();
    }

    public void Dispose()
    {
        for (var lane = 0; AtOnce && lane < _pools.Length; lane++)
        {
            _pools[lane].Dispose();
        }
    }
}
