using System.Runtime.Intrinsics.X86;
using Personalize.Core.Adapters;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Core.Quantization;

namespace Personalize.Core.Tests.Kernels;

public sealed unsafe class IntegerMatrixMultiplyTests
{
    /// <summary>Rounding an activation to 8 bits errs by at most half a step of max/127; over a row the errors average out far below this.</summary>
    private const double RoundingTolerance = 0.01;

    [Theory]
    [InlineData(WeightFormat.Q4Zero, ActivationRounding.EightBits)]
    [InlineData(WeightFormat.Q4One, ActivationRounding.EightBits)]
    [InlineData(WeightFormat.Q8Zero, ActivationRounding.EightBits)]
    [InlineData(WeightFormat.Q4Zero, ActivationRounding.SixteenBits)]
    [InlineData(WeightFormat.Q4One, ActivationRounding.SixteenBits)]
    [InlineData(WeightFormat.Q8Zero, ActivationRounding.SixteenBits)]
    public void Every_way_of_multiplying_gives_the_bits_of_the_scalar_definition(WeightFormat format, ActivationRounding rounding)
    {
        const int Columns = 288;
        const int Rows = 24;
        const int Tokens = 7;
        using var pool = new WorkerPool(1);
        using var weight = RandomWeights.Create(format, Rows, Columns, seed: 11);
        using var activations = new QuantizedActivations(Tokens, Columns);
        var x = RandomWeights.Vector(Tokens * Columns, seed: 12);
        Array.Clear(x, 32, 32);
        fixed (float* px = x)
        {
            activations.Fill(pool, px, Tokens, Columns, rounding);
        }

        // Seven tokens are a tile of four, one of two and one of one.
        for (var token = 0; token < Tokens;)
        {
            var count = ActivationTile.Next(Tokens - token);
            var expected = Enumerable.Range(token, count).SelectMany(t => ExpectedRows(weight, x.AsSpan(t * Columns, Columns), rounding)).ToArray();
            Assert.Equal(expected, Multiply<PortableDotProduct>(weight, rounding, count, activations.Tile(token)));
            if (Avx2.IsSupported)
            {
                Assert.Equal(expected, Multiply<Avx2DotProduct>(weight, rounding, count, activations.Tile(token)));
            }

            if (AvxVnni.IsSupported)
            {
                Assert.Equal(expected, Multiply<AvxVnniDotProduct>(weight, rounding, count, activations.Tile(token)));
            }

            token += count;
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Results_do_not_depend_on_how_many_tokens_are_computed_together(int threads)
    {
        const int Columns = 96;
        const int Tokens = 23;
        int[] rows = [40, 27];
        using var pool = new WorkerPool(threads);
        using var projector = new LinearProjector(pool, ArithmeticPrecision.Served, Tokens, Columns);
        using var first = RandomWeights.Create(WeightFormat.Q4One, rows[0], Columns, seed: 1);
        using var second = RandomWeights.Create(WeightFormat.Q8Zero, rows[1], Columns, seed: 2);
        using var pair = new LowRankPair(new LoraPair(0, LinearModule.Query, 3, RandomWeights.Vector(3 * Columns, 3), RandomWeights.Vector(rows[1] * 3, 4)), 0.5f);
        var x = RandomWeights.Vector(Tokens * Columns, seed: 5);
        float[] Run(int from, int count)
        {
            var y0 = new float[count * rows[0]];
            var y1 = new float[count * rows[1]];
            fixed (float* px = x, p0 = y0, p1 = y1)
            {
                projector.Run(px + (from * Columns), count, ActivationRounding.EightBits, new Projection(first, p0), new Projection(second, p1, null, pair));
            }

            return [.. Enumerable.Range(0, count).SelectMany(t => y0.Skip(t * rows[0]).Take(rows[0]).Concat(y1.Skip(t * rows[1]).Take(rows[1])))];
        }

        var together = Run(0, Tokens);
        var alone = Enumerable.Range(0, Tokens).SelectMany(t => Run(t, 1)).ToArray();
        Assert.Equal(together, alone);
    }

    [Fact]
    public void Extreme_weights_and_activations_do_not_overflow()
    {
        var source = new byte[34 * 8];
        for (var row = 0; row < 8; row++)
        {
            source[(row * 34) + 1] = 0x3C; // scale 1
            source.AsSpan((row * 34) + 2, 32).Fill(0x80); // -128
        }

        using var pool = new WorkerPool(1);
        using var weight = PackedMatrix.Pack(WeightFormat.Q8Zero, source, 8, 32);
        using var projector = new LinearProjector(pool, ArithmeticPrecision.Served, 1, 32);
        var x = Enumerable.Repeat(127f, 32).ToArray();
        var y = new float[8];
        fixed (float* px = x, py = y)
        {
            projector.Run(px, 1, ActivationRounding.EightBits, new Projection(weight, py));
        }

        Assert.All(y, value => Assert.Equal(-128f * 127f * 32f, value));
    }

    [Theory]
    [InlineData(1, ActivationRounding.EightBits)]
    [InlineData(33, ActivationRounding.EightBits)]
    [InlineData(1, ActivationRounding.SixteenBits)]
    [InlineData(33, ActivationRounding.SixteenBits)]
    public void A_vectorized_block_is_rounded_like_the_definition(int seed, ActivationRounding rounding)
    {
        var x = RandomWeights.Vector(32, seed);
        x[3] = 0.5f / 127f * x.Max(MathF.Abs);
        var expected = new int[32];
        var (scale, sum) = QuantizedActivations.RoundBlockScalar(x, Steps(rounding), expected);
        using var pool = new WorkerPool(1);
        using var activations = new QuantizedActivations(1, 32);
        fixed (float* px = x)
        {
            activations.Fill(pool, px, 1, 32, rounding);
        }

        var tile = activations.Tile(0);
        Assert.Equal((scale, scale * sum, 8 * sum), (tile.Scales[0], tile.ScaledSums[0], tile.EightSums[0]));
        for (var i = 0; i < 32; i++)
        {
            Assert.Equal(x[i], expected[i] * scale, 0.51f * scale);
            Assert.Equal(expected[i], tile.Shorts[(i / 4 * 4) + (i % 4) switch { 1 => 2, 2 => 1, var k => k }]);
            if (rounding == ActivationRounding.EightBits)
            {
                Assert.Equal(expected[i], tile.Bytes[i]);
            }
        }
    }

    [Theory]
    [InlineData(ArithmeticPrecision.Served, WeightFormat.Q4One)]
    [InlineData(ArithmeticPrecision.Served, WeightFormat.Float16)]
    [InlineData(ArithmeticPrecision.Single, WeightFormat.Q8Zero)]
    public void Fused_projections_with_bias_and_adapter_agree_with_sums_in_double(ArithmeticPrecision precision, WeightFormat format)
    {
        const int Columns = 160;
        const int Tokens = 6;
        const int Rank = 5;
        int[] rows = [40, 64, 27];
        using var pool = new WorkerPool(2);
        using var projector = new LinearProjector(pool, precision, Tokens, Columns);
        var weights = rows.Select((r, i) => RandomWeights.Create(format, r, Columns, seed: 20 + i)).ToArray();
        using var bias = new WeightVector(RandomWeights.Vector(rows[0], 30));
        var a = RandomWeights.Vector(Rank * Columns, 31);
        var b = RandomWeights.Vector(rows[2] * Rank, 32);
        using var pair = new LowRankPair(new LoraPair(0, LinearModule.Query, Rank, a, b), 0.5f);
        var x = RandomWeights.Vector(Tokens * Columns, 33);
        var outputs = rows.Select(r => new float[Tokens * r]).ToArray();
        fixed (float* px = x, y0 = outputs[0], y1 = outputs[1], y2 = outputs[2])
        {
            projector.Run(px, Tokens, ActivationRounding.EightBits, new Projection(weights[0], y0, bias), new Projection(weights[1], y1), new Projection(weights[2], y2, null, pair));
        }

        var row = new float[Columns];
        for (var i = 0; i < 3; i++)
        {
            for (var n = 0; n < rows[i]; n++)
            {
                weights[i].ReadRow(n, row);
                for (var t = 0; t < Tokens; t++)
                {
                    var expected = i == 0 ? (double)bias.Pointer[n] : 0;
                    for (var k = 0; k < Columns; k++)
                    {
                        expected += (double)x[(t * Columns) + k] * row[k];
                        for (var r = 0; i == 2 && r < Rank; r++)
                        {
                            expected += 0.5 * b[(n * Rank) + r] * a[(r * Columns) + k] * x[(t * Columns) + k];
                        }
                    }

                    var norm = Math.Sqrt(row.Sum(v => (double)v * v)) * Math.Sqrt(Columns);
                    Assert.True(Math.Abs(expected - outputs[i][(t * rows[i]) + n]) <= RoundingTolerance * norm, $"projection {i}, row {n}, token {t}");
                }
            }

            weights[i].Dispose();
        }
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 2)]
    [InlineData(120, 2)]
    [InlineData(6144, 2)]
    [InlineData(4008, 7)]
    [InlineData(50_000, 200)]
    public void Units_cover_all_groups_once_and_get_smaller(int groups, int threads)
    {
        var ends = stackalloc int[IntegerMatrixMultiply.MostUnits];
        var units = IntegerMatrixMultiply.Divide(groups, threads, ends);
        Assert.InRange(units, 1, IntegerMatrixMultiply.MostUnits);
        var sizes = Enumerable.Range(0, units).Select(i => ends[i] - (i == 0 ? 0 : ends[i - 1])).ToArray();
        Assert.All(sizes, size => Assert.True(size > 0));
        Assert.Equal(groups, sizes.Sum());
        Assert.True(sizes[0] <= Math.Max(1, (groups + (2 * threads) - 1) / (2 * threads)));

        // With very many threads the last unit takes what is left.
        Assert.Equal(sizes[..^1].OrderDescending(), sizes[..^1]);
    }

    private static int Steps(ActivationRounding rounding) => rounding == ActivationRounding.EightBits ? QuantizedActivations.CoarseSteps : QuantizedActivations.FineSteps;

    private static float[] ExpectedRows(PackedMatrix weight, ReadOnlySpan<float> x, ActivationRounding rounding)
    {
        var rounded = new int[x.Length];
        var scales = new float[x.Length / 32];
        for (var block = 0; block < scales.Length; block++)
        {
            scales[block] = QuantizedActivations.RoundBlockScalar(x.Slice(block * 32, 32), Steps(rounding), rounded.AsSpan(block * 32, 32)).Scale;
        }

        return [.. Enumerable.Range(0, weight.Rows).Select(row => IntegerMatrixMultiply.RowScalar(weight.View, row, rounded, scales))];
    }

    private static float[] Multiply<TDot>(PackedMatrix weight, ActivationRounding rounding, int tokens, in ActivationTile x)
        where TDot : struct, IDotProduct
    {
        var y = new float[tokens * weight.Rows];
        fixed (float* py = y)
        {
            var run = new RowRun { Weights = weight.View.Group(0), Groups = weight.View.GroupCount, Blocks = weight.Columns / 32, Output = py, OutputStride = weight.Rows };
            IntegerMatrixMultiply.RunTile<TDot>(weight.Format, rounding, tokens, run, x);
        }

        return y;
    }
}
