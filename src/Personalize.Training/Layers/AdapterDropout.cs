using Personalize.Core.Kernels;
using Personalize.Training.Adapters;

namespace Personalize.Training.Layers;

/// <summary>Dropout on the input of every pair: an element is 0 with the given probability, else divided by the probability to be kept. The map itself sees the whole input, as in PEFT.</summary>
/// <remarks>
/// Nothing is drawn in sequence: whether an element falls is a hash of seed, step, the tokens of its example, its position, the map and its index. So a mask is the same when it is computed again for the backward, in any micro-batch,
/// on any number of threads, after a pause, and when another example of the step is taken away. The probability is rounded to a multiple of 2^-16.
/// </remarks>
internal sealed unsafe class AdapterDropout
{
    private const int TokensPerUnit = 8;
    private const int DrawsPerHash = 4;
    private const int DrawBits = 16;

    private readonly ulong _seed;
    private readonly uint _threshold;
    private readonly float _keptScale;
    private ulong _step;

    /// <param name="rate">The probability to fall, from 0 to below 1.</param>
    /// <param name="seed">The run's seed.</param>
    public AdapterDropout(double rate, ulong seed)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rate);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(rate, 1);
        _seed = seed;
        _threshold = (uint)Math.Min(Math.Round(rate * (1 << DrawBits)), (1 << DrawBits) - 1);
        _keptScale = 1 / (1 - (_threshold / (float)(1 << DrawBits)));
    }

    /// <summary>Chooses the masks of an optimizer step.</summary>
    public void Begin(long step) => _step = UniformStream.Key(_seed, 0x5EED_0000_0000_0000 + (ulong)step);

    /// <summary><c>y = mask * x / (1 - rate)</c>, both <c>[tokens, size]</c>.</summary>
    /// <param name="pool">The threads.</param>
    /// <param name="tokenKeys">A key for each token that says which example and position it is, <c>[tokens]</c>.</param>
    /// <param name="map">Which of the model's maps it is.</param>
    /// <param name="x">The input.</param>
    /// <param name="y">The result; may be x.</param>
    /// <param name="tokens">How many rows there are.</param>
    /// <param name="size">How many columns there are.</param>
    /// <param name="accumulate">Add to what y holds.</param>
    public void Apply(WorkerPool pool, ulong* tokenKeys, int map, float* x, float* y, int tokens, int size, bool accumulate)
    {
        var work = new Work { Keys = tokenKeys, Map = UniformStream.Key(_step, (ulong)map), X = x, Y = y, Size = size, Threshold = _threshold, Scale = _keptScale, Accumulate = accumulate };
        pool.Run(ref work, tokens, TokensPerUnit);
    }

    /// <summary>The key of a token.</summary>
    public static ulong TokenKey(ulong example, int position) => UniformStream.Key(example, (ulong)position);

    private struct Work : IParallelWork
    {
        public ulong* Keys;
        public ulong Map;
        public float* X;
        public float* Y;
        public int Size;
        public uint Threshold;
        public float Scale;
        public bool Accumulate;

        public readonly void Execute(int start, int end)
        {
            for (var token = start; token < end; token++)
            {
                float* x = X + ((long)token * Size), y = Y + ((long)token * Size);
                var row = UniformStream.Key(Keys[token] ^ Map, 0);
                for (var i = 0; i < Size; i += DrawsPerHash)
                {
                    var draws = UniformStream.Key(row, (ulong)i * 0x9E37_79B9_7F4A_7C15);
                    draws = UniformStream.Mix(draws);
                    for (var j = i; j < Math.Min(i + DrawsPerHash, Size); j++, draws >>= DrawBits)
                    {
                        var value = (uint)(draws & 0xFFFF) < Threshold ? 0 : x[j] * Scale;
                        y[j] = Accumulate ? y[j] + value : value;
                    }
                }
            }
        }
    }
}
