using Personalize.Core.Kernels;

namespace Personalize.Core.Tests.Kernels;

public sealed unsafe class WorkerPoolTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Each_unit_of_each_job_is_done_exactly_once(int threads)
    {
        using var pool = new WorkerPool(threads);
        var counts = new int[1000];
        fixed (int* p = counts)
        {
            var work = new CountingWork { Counts = p };
            for (var job = 0; job < 5000; job++)
            {
                pool.Run(ref work, (job * 7 % 1000) + 1, grain: (job % 9) + 1);
            }
        }

        var expected = new int[1000];
        for (var job = 0; job < 5000; job++)
        {
            for (var unit = 0; unit < (job * 7 % 1000) + 1; unit++)
            {
                expected[unit]++;
            }
        }

        Assert.Equal(expected, counts);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Guided_jobs_between_others_do_each_unit_exactly_once(int threads)
    {
        using var pool = new WorkerPool(threads);
        var counts = new int[300];
        fixed (int* p = counts)
        {
            var work = new CountingWork { Counts = p };
            for (var job = 0; job < 4000; job++)
            {
                pool.RunGuided(ref work, 300);
                pool.Run(ref work, 300, grain: (job % 9) + 1);
            }
        }

        Assert.All(counts, count => Assert.Equal(8000, count));
    }

    [Fact]
    public void Jobs_of_several_callers_follow_one_another()
    {
        using var pool = new WorkerPool(3);
        var counts = new int[64];
        fixed (int* p = counts)
        {
            var address = (nint)p;
            Parallel.For(0, 4, _ =>
            {
                var work = new CountingWork { Counts = (int*)address };
                for (var job = 0; job < 500; job++)
                {
                    pool.Run(ref work, 64);
                }
            });
        }

        Assert.All(counts, count => Assert.Equal(2000, count));
    }

    private struct CountingWork : IParallelWork
    {
        public int* Counts;

        public readonly void Execute(int start, int end)
        {
            for (var unit = start; unit < end; unit++)
            {
                Counts[unit]++;
            }
        }
    }
}
