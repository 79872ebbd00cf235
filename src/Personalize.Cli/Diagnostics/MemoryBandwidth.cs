using System.Diagnostics;
using System.Runtime.Intrinsics;
using Personalize.Core.Kernels;

namespace Personalize.Cli.Diagnostics;

/// <summary>Measures how fast all threads together can read memory that no cache holds: the bound of decoding.</summary>
internal static unsafe class MemoryBandwidth
{
    private const long BytesRead = 256L << 20;
    private const int Passes = 3;
    private const int Unroll = 8;

    /// <summary>Reads a block larger than any cache a few times.</summary>
    /// <param name="threads">How many threads read.</param>
    /// <returns>Bytes a second of the fastest pass.</returns>
    public static double Measure(int threads)
    {
        using var block = new NativeBuffer<byte>(BytesRead);
        // Pages that were never written are all the same one, which stays in the cache.
        block.Span.Fill(1);
        using var pool = new WorkerPool(threads);
        var best = double.MaxValue;
        for (var pass = 0; pass < Passes; pass++)
        {
            var work = new ReadWork { Block = block.Pointer, BytesAUnit = BytesRead / threads / 64 * 64 };
            var start = Stopwatch.GetTimestamp();
            pool.Run(ref work, threads, 1);
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return BytesRead / best;
    }

    private struct ReadWork : IParallelWork
    {
        public byte* Block;
        public long BytesAUnit;

        public readonly void Execute(int start, int end)
        {
            for (var unit = start; unit < end; unit++)
            {
                Read(Block + (unit * BytesAUnit), BytesAUnit);
            }
        }

        private static void Read(byte* from, long bytes)
        {
            var stride = Vector256<byte>.Count * Unroll;
            var sum = Vector256<byte>.Zero;
            for (var at = from; at <= from + bytes - stride; at += stride)
            {
                var first = Vector256.Load(at) ^ Vector256.Load(at + 32);
                var second = Vector256.Load(at + 64) ^ Vector256.Load(at + 96);
                var third = Vector256.Load(at + 128) ^ Vector256.Load(at + 160);
                var fourth = Vector256.Load(at + 192) ^ Vector256.Load(at + 224);
                sum ^= first ^ second ^ third ^ fourth;
            }

            // Written back, so that the reads are not optimized away.
            from[0] = sum[0];
        }
    }
}
