using Personalize.Core.Kernels;

namespace Personalize.Core.Tests.Kernels;

public sealed unsafe class RotaryAnglesTests
{
    private const int HeadDimension = 24;
    private const int RotaryDimension = 20;
    private const float Base = 10_000f;

    /// <summary>A scalar product of two heads of 24 numbers, each about 1, in single precision.</summary>
    private const double ProductTolerance = 1e-5;

    private static readonly float[] Factors = [1, 1, 1.5f, 2, 8, 8, 8, 16, 32, 32];

    [Theory]
    [InlineData(0, 1)]
    [InlineData(5, 3)]
    [InlineData(190, 10)]
    public void Wherever_a_chunk_stands_it_rotates_as_the_table_does(int first, int count)
    {
        using var table = new RotaryTable(HeadDimension, RotaryDimension, Base, Factors, 200);
        using var angles = new RotaryAngles(HeadDimension, RotaryDimension, Base, Factors, 10);
        angles.MoveTo(first, count);
        for (var i = 0; i < count; i++)
        {
            var expected = Heads(i);
            var actual = Heads(i);
            fixed (float* e = expected, a = actual)
            {
                table.Apply(e, 2, first + i);
                angles.Apply(a, 2, i);
            }

            Assert.Equal(expected, actual);
        }
    }

    [Theory]
    [InlineData(1_000)]
    [InlineData(100_000)]
    [InlineData(2_000_000_000)]
    public void A_product_depends_on_the_distance_alone_however_far_the_stream_has_come(int shift)
    {
        Assert.Equal(Product(17, 4), Product(17 + shift, 4 + shift), ProductTolerance * HeadDimension);
    }

    [Fact]
    public void Positions_outside_are_refused()
    {
        using var angles = new RotaryAngles(HeadDimension, RotaryDimension, Base, [], 4);
        Assert.Throws<ArgumentOutOfRangeException>(() => angles.MoveTo(0, 5));
        Assert.Throws<ArgumentOutOfRangeException>(() => angles.MoveTo(-1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => angles.MoveTo(int.MaxValue, 1));
        angles.MoveTo(7, 2);
        Assert.Throws<ArgumentOutOfRangeException>(() => Apply(angles, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => Apply(angles, -1));
    }

    private static void Apply(RotaryAngles angles, int index)
    {
        var x = Heads(0);
        fixed (float* p = x)
        {
            angles.Apply(p, 2, index);
        }
    }

    private static double Product(int queryPosition, int keyPosition)
    {
        using var angles = new RotaryAngles(HeadDimension, RotaryDimension, Base, Factors, 1);
        var query = Heads(1);
        var key = Heads(2);
        fixed (float* q = query, k = key)
        {
            angles.MoveTo(queryPosition, 1);
            angles.Apply(q, 1, 0);
            angles.MoveTo(keyPosition, 1);
            angles.Apply(k, 1, 0);
        }

        return Enumerable.Range(0, HeadDimension).Sum(i => (double)query[i] * key[i]);
    }

    private static float[] Heads(int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, 2 * HeadDimension).Select(_ => (2 * random.NextSingle()) - 1)];
    }
}
