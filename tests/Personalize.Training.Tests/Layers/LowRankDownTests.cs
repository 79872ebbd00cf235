using Personalize.Core.Kernels;
using Personalize.Training.Layers;
using Personalize.Training.Tests.Support;

namespace Personalize.Training.Tests.Layers;

public sealed unsafe class LowRankDownTests
{
    private const double Tolerance = 1e-6;

    [Theory]
    [InlineData(1, 5, 1)]
    [InlineData(2, 64, 8)]
    [InlineData(35, 29, 6)]
    [InlineData(17, 40, 3)]
    [InlineData(23, 61, 20)]
    public void Equals_the_definition(int tokens, int size, int rank)
    {
        const float Scale = 1.75f;
        var random = new Random(size);
        using var pool = new WorkerPool(2);
        using var x = Native.Random(random, tokens * size);
        using var w = Native.Random(random, rank * size);
        using var h = Native.Random(random, tokens * rank);

        LowRankDown.Run(pool, x.Pointer, w.Pointer, h.Pointer, tokens, size, rank, Scale);

        var expected = new double[tokens * rank];
        for (var t = 0; t < tokens; t++)
        {
            for (var r = 0; r < rank; r++)
            {
                expected[(t * rank) + r] = Scale * Native.Product(x.Span.Slice(t * size, size), w.Span.Slice(r * size, size));
            }
        }

        Assert.InRange(Native.RelativeError(expected, h.Span), 0, Tolerance);
    }

    [Fact]
    public void A_token_has_the_same_bits_wherever_it_stands()
    {
        const int Tokens = 7, Size = 43, Rank = 14;
        var random = new Random(1);
        using var pool = new WorkerPool(1);
        using var x = Native.Random(random, Tokens * Size);
        using var w = Native.Random(random, Rank * Size);
        using var all = new NativeBuffer<float>(Tokens * Rank);
        using var single = new NativeBuffer<float>(Rank);
        LowRankDown.Run(pool, x.Pointer, w.Pointer, all.Pointer, Tokens, Size, Rank, 1);
        for (var t = 0; t < Tokens; t++)
        {
            LowRankDown.Run(pool, x.Pointer + (t * Size), w.Pointer, single.Pointer, 1, Size, Rank, 1);
            Assert.Equal(single.Span.ToArray(), all.Span.Slice(t * Rank, Rank).ToArray());
        }
    }
}
