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
    [InlineData(WeightFormat.Q4Zero, 9)]
    [InlineData(WeightFormat.Q4One, 9)]
    [InlineData(WeightFormat.Q8Zero, 9)]
    [InlineData(WeightFormat.Q4One, 11)]
    [InlineData(WeightFormat.Q8Zero, 10)]
    [InlineData(WeightFormat.Q4One, 10)]
    [InlineData(WeightFormat.Q4Zero, 7)]
    [InlineData(WeightFormat.Q8Zero, 7)]
    public void Every_way_of_multiplying_gives_the_bits_of_the_scalar_definition(WeightFormat format, int tokens)
    {
        const int Columns = 288;
        const int Rows = 24;
        using var pool = new WorkerPool(1);
        using var weight = RandomWeights.Create(format, Rows, Columns, seed: 11);
        using var activations = new QuantizedActivations(tokens, Columns);
        var x = RandomWeights.Vector(tokens * Columns, seed: 12);
        Array.Clear(x, 32, 32);

        // Outliers: none, one or two in a token, two tokens at one column, the last column among them; the ninth token, alone in its tile where it is the last, has one too.
        int[] outliers = [Columns + 40, (2 * Columns) + 5, (3 * Columns) - 1, (3 * Columns) + 40, (6 * Columns) + 100, .. tokens > 8 ? [(8 * Columns) + 70] : Array.Empty<int>()];
        var large = 30 * x.Max(MathF.Abs);
        Array.ForEach(outliers, i => x[i] = i % 2 == 0 ? large : -large);
        fixed (float* px = x)
        {
            activations.Fill(pool, px, tokens, Columns);
        }

        Assert.Equal((3, 1), (*activations.Tile(0).OutlierCount, *activations.Tile(4).OutlierCount));
        (int, float)[][] expectedOutliers = [[], [(40, large)], [(5, -large), (287, -large)], [(40, large)], [], [], [(100, large)]];
        Assert.Equal(expectedOutliers, Enumerable.Range(0, 7).Select(token => Outliers(activations.Tile(token / 4 * 4), token % 4)));

        // Nine tokens are two tiles of four and one of one; eleven, three of four, the last with an empty row; six, one of four and one of two.
        for (var token = 0; token < tokens;)
        {
            var count = Math.Min(ActivationTile.Next(tokens - token), tokens - token);
            var expected = Enumerable.Range(token, count).SelectMany(t => ExpectedRows(weight, x.AsSpan(t * Columns, Columns))).ToArray();
            Assert.Equal(expected, Multiply<PortableDotProduct>(weight, count, activations.Tile(token)));
            if (Avx2.IsSupported)
            {
                Assert.Equal(expected, Multiply<Avx2DotProduct>(weight, count, activations.Tile(token)));
            }

            if (AvxVnni.IsSupported)
            {
                Assert.Equal(expected, Multiply<AvxVnniDotProduct>(weight, count, activations.Tile(token)));
            }

            token += count;
        }
    }

    [Avx512Theory]
    [InlineData(WeightFormat.Q4Zero, 4)]
    [InlineData(WeightFormat.Q4Zero, 7)]
    [InlineData(WeightFormat.Q4One, 3)]
    [InlineData(WeightFormat.Q4One, 4)]
    [InlineData(WeightFormat.Q4One, 8)]
    public void A_panel_gives_the_bits_of_the_scalar_definition(WeightFormat format, int tokens)
    {
        const int Columns = 96;
        using var pool = new WorkerPool(1);
        using var weight = RandomWeights.Create(format, IntegerPanel.Rows, Columns, seed: 41);
        using var activations = new QuantizedActivations(tokens, Columns);
        var x = RandomWeights.Vector(tokens * Columns, seed: 42);

        // Outliers in the first, the second and the last token, of low and of high nibbles.
        var large = 30 * x.Max(MathF.Abs);
        (x[5], x[Columns - 1], x[Columns + 5], x[^7]) = (large, -large, -large, large);
        var y = new float[tokens * IntegerPanel.Rows];
        using var panel = new NativeBuffer<byte>(IntegerPanel.Bytes(Columns / 32));
        fixed (float* px = x, py = y)
        {
            activations.Fill(pool, px, tokens, Columns);
            IntegerPanel.Widen(format, weight.View.Group(0), Columns / 32, panel.Pointer);
            IntegerPanel.Multiply(format, panel.Pointer, Columns / 32, tokens, activations.Tile(0), py, IntegerPanel.Rows, weight.View.Group(0));
        }

        Assert.Equal(Enumerable.Range(0, tokens).SelectMany(t => ExpectedRows(weight, x.AsSpan(t * Columns, Columns))), y);
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
                projector.Run(px + (from * Columns), count, new Projection(first, p0), new Projection(second, p1, null, pair));
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
            projector.Run(px, 1, new Projection(weight, py));
        }

        Assert.All(y, value => Assert.Equal(-128f * 127f * 32f, value));
    }

    [Theory]
    [InlineData(1, 1f)]
    [InlineData(33, 1f)]
    [InlineData(1, 100f)]
    [InlineData(33, -100f)]
    public void A_vectorized_block_is_rounded_like_the_definition(int seed, float factor)
    {
        const int Columns = 64;
        const int At = 32 + 7;
        var x = RandomWeights.Vector(Columns, seed);
        x[At] *= factor;
        x[At + 1] = 0f;
        var isOutlier = MathF.Abs(factor) > 1;
        using var pool = new WorkerPool(1);
        using var activations = new QuantizedActivations(1, Columns);
        fixed (float* px = x)
        {
            activations.Fill(pool, px, 1, Columns);
        }

        var tile = activations.Tile(0);
        var limit = QuantizedActivations.Limit(x);
        Assert.Equal(QuantizedActivations.OutlierFactor * Math.Sqrt(x.Average(value => (double)value * value)), limit, 1e-5 * limit);
        (int, float)[] outliers = isOutlier ? [(At, x[At])] : [];
        Assert.Equal(outliers, Outliers(tile, token: 0));
        for (var block = 0; block < 2; block++)
        {
            var values = x.AsSpan(block * 32, 32);
            var expected = QuantizedActivations.RoundBlockScalar(values, limit);
            Assert.Equal((expected.Scale, expected.ScaledSum, -8 * expected.Values.Sum(), -128 * expected.Values.Sum()), (tile.Scales[block], tile.ScaledSums[block], tile.MinusEightSums[block], tile.MinusExcessSums[block]));
            Assert.Equal(expected.Values, Array.ConvertAll(new ReadOnlySpan<sbyte>(tile.Bytes + (block * 32), 32).ToArray(), value => (int)value));
            for (var i = 0; i < 32; i++)
            {
                Assert.Equal(isOutlier && (block * 32) + i == At ? x[At] : 0f, expected.Outliers[i]);
                Assert.Equal(values[i], (expected.Scale * expected.Values[i]) + expected.Outliers[i], 0.501f * expected.Scale);
            }

            // The largest of the others takes all bits.
            Assert.Equal(127, expected.Values.Max(Math.Abs));
        }
    }

    [Theory]
    [InlineData(1e-23f)]
    [InlineData(1e-44f)]
    [InlineData(3e38f)]
    public void Values_whose_squares_vanish_or_overflow_are_rounded_like_others(float value)
    {
        const int Columns = 64;
        var x = Enumerable.Range(0, Columns).Select(i => i == 0 ? 8 * (value / 8) : value / 8).ToArray();
        using var pool = new WorkerPool(1);
        using var activations = new QuantizedActivations(1, Columns);
        fixed (float* px = x)
        {
            activations.Fill(pool, px, 1, Columns);
        }

        Assert.Equal(float.PositiveInfinity, QuantizedActivations.Limit(x));
        Assert.Equal(0, *activations.Tile(0).OutlierCount);
    }

    [Theory]
    [InlineData(WeightFormat.Q4Zero, 1)]
    [InlineData(WeightFormat.Q4One, 2)]
    [InlineData(WeightFormat.Q4One, 4)]
    [InlineData(WeightFormat.Q8Zero, 4)]
    [InlineData(WeightFormat.Q4One, 9)]
    public void A_value_that_is_not_a_number_makes_all_of_its_row_none_and_nothing_of_the_others(WeightFormat format, int tokens)
    {
        const int Rows = 24;
        const int Columns = 96;
        using var pool = new WorkerPool(1);
        using var weight = RandomWeights.Create(format, Rows, Columns, seed: 6);
        using var projector = new LinearProjector(pool, ArithmeticPrecision.Served, tokens, Columns);
        var x = RandomWeights.Vector(tokens * Columns, seed: 7);
        var bad = tokens / 2;
        foreach (var column in new[] { 0, 37, Columns - 1 })
        {
            var broken = x.ToArray();
            broken[(bad * Columns) + column] = float.NaN;
            var y = new float[tokens * Rows];
            fixed (float* px = broken, py = y)
            {
                projector.Run(px, tokens, new Projection(weight, py));
            }

            Assert.All(Enumerable.Range(0, y.Length), i => Assert.Equal(i / Rows == bad, float.IsNaN(y[i])));
        }
    }

    [Theory]
    [InlineData(WeightFormat.Q4One, 4)]
    [InlineData(WeightFormat.Q8Zero, 4)]
    [InlineData(WeightFormat.Q4One, 8)]
    [InlineData(WeightFormat.Q8Zero, 8)]
    public void An_empty_row_keeps_nothing_of_the_row_that_stood_there_and_writes_nothing(WeightFormat format, int rows)
    {
        const int Columns = 64;
        const float Untouched = 12345f;
        using var pool = new WorkerPool(1);
        using var weight = RandomWeights.Create(format, 16, Columns, seed: 51);
        using var activations = new QuantizedActivations(rows, Columns);
        var x = RandomWeights.Vector(rows * Columns, seed: 52);
        x[^3] = 40 * x.Max(MathF.Abs);
        var y = Enumerable.Repeat(Untouched, rows * 16).ToArray();
        fixed (float* px = x, py = y)
        {
            activations.Fill(pool, px, rows, Columns);
            Assert.Equal(1, *activations.Tile(rows - 4).OutlierCount);
            activations.Fill(pool, px, rows - 1, Columns);
            Assert.Equal(0, *activations.Tile(rows - 4).OutlierCount);
            var task = new ProjectionTask { Weight = weight.View, Output = py };
            IntegerMatrixMultiply.Run(pool, activations, rows - 1, new ReadOnlySpan<ProjectionTask>(in task));
        }

        Assert.Equal(Enumerable.Range(0, rows - 1).SelectMany(t => ExpectedRows(weight, x.AsSpan(t * Columns, Columns))), y.Take((rows - 1) * 16));
        Assert.All(y.Skip((rows - 1) * 16), value => Assert.Equal(Untouched, value));
    }

    [Fact]
    public void As_many_outliers_as_there_can_be_have_room()
    {
        const int Spacing = QuantizedActivations.OutlierFactor * QuantizedActivations.OutlierFactor;
        const int Columns = 32 * Spacing;
        const int Tokens = 4;

        // Each token's lie at columns of its own, the last token's first.
        var x = new float[Tokens * Columns];
        for (var token = 0; token < Tokens; token++)
        {
            for (var i = 1; i < 32; i++)
            {
                x[(token * Columns) + (i * Spacing) - token] = i % 2 == 0 ? 1f : -1f;
            }
        }

        using var pool = new WorkerPool(1);
        using var activations = new QuantizedActivations(Tokens, Columns);
        fixed (float* px = x)
        {
            activations.Fill(pool, px, Tokens, Columns);
        }

        // With one more none would stand out.
        var tile = activations.Tile(0);
        Assert.Equal(Tokens * 31, *tile.OutlierCount);
        for (var token = 0; token < Tokens; token++)
        {
            Assert.Equal(Enumerable.Range(1, 31).Select(i => ((i * Spacing) - token, i % 2 == 0 ? 1f : -1f)), Outliers(tile, token));
        }

        Assert.Equal(33, activations.Tile(0).MostOutliers);
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
            projector.Run(px, Tokens, new Projection(weights[0], y0, bias), new Projection(weights[1], y1), new Projection(weights[2], y2, null, pair));
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
        Assert.True(sizes[0] <= Math.Max(1, (groups + (2 * threads) - 1) / (2 * threads)) + 1);
        Assert.All(sizes[..^1], size => Assert.Equal(0, size % 2));

        // With very many threads the last unit takes what is left.
        Assert.Equal(sizes[..^1].OrderDescending(), sizes[..^1]);
    }

    private static (int Column, float Value)[] Outliers(in ActivationTile tile, int token)
    {
        var found = new List<(int, float)>();
        for (var outlier = tile.Outliers; outlier < tile.Outliers + *tile.OutlierCount; outlier++)
        {
            Assert.True(outlier == tile.Outliers || outlier->Column > (outlier - 1)->Column);
            if (outlier->Values[token] != 0f)
            {
                found.Add((outlier->Column, outlier->Values[token]));
            }
        }

        return [.. found];
    }

    private static float[] ExpectedRows(PackedMatrix weight, ReadOnlySpan<float> x)
    {
        var limit = QuantizedActivations.Limit(x);
        var blocks = new RoundedBlock[x.Length / 32];
        for (var block = 0; block < blocks.Length; block++)
        {
            blocks[block] = QuantizedActivations.RoundBlockScalar(x.Slice(block * 32, 32), limit);
        }

        return [.. Enumerable.Range(0, weight.Rows).Select(row => IntegerMatrixMultiply.RowScalar(weight.View, row, blocks))];
    }

    private static float[] Multiply<TDot>(PackedMatrix weight, int tokens, in ActivationTile x)
        where TDot : struct, IDotProduct
    {
        var y = new float[tokens * weight.Rows];
        fixed (float* py = y)
        {
            var run = new RowRun { Weights = weight.View.Group(0), Groups = weight.View.GroupCount, Blocks = weight.Columns / 32, Tokens = tokens, Output = py, OutputStride = weight.Rows };
            IntegerMatrixMultiply.RunTile<TDot>(weight.Format, tokens, run, x);
        }

        return y;
    }
}
