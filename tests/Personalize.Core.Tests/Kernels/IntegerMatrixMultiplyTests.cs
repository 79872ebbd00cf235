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
    [InlineData(WeightFormat.Q4Zero, ActivationRounding.OnePlane)]
    [InlineData(WeightFormat.Q4One, ActivationRounding.OnePlane)]
    [InlineData(WeightFormat.Q8Zero, ActivationRounding.OnePlane)]
    [InlineData(WeightFormat.Q4Zero, ActivationRounding.TwoPlanes)]
    [InlineData(WeightFormat.Q4One, ActivationRounding.TwoPlanes)]
    [InlineData(WeightFormat.Q8Zero, ActivationRounding.TwoPlanes)]
    public void Every_instruction_set_gives_the_bits_of_the_scalar_definition(WeightFormat format, ActivationRounding rounding)
    {
        const int Columns = 288;
        const int Blocks = Columns / 32;
        var tokens = rounding == ActivationRounding.OnePlane ? 4 : 2;
        using var pool = new WorkerPool(1);
        using var weight = RandomWeights.Create(format, 24, Columns, seed: 11);
        using var activations = new QuantizedActivations(tokens, Columns);
        var x = RandomWeights.Vector(tokens * Columns, seed: 12);
        Array.Clear(x, 32, 32);
        fixed (float* px = x)
        {
            activations.Fill(pool, px, tokens, Columns, rounding);
        }

        var low = rounding == ActivationRounding.TwoPlanes ? activations.LowQuants : null;
        var scalar = new float[tokens * 8];
        var vector = new float[tokens * 8];
        fixed (float* ps = scalar, pv = vector)
        {
            for (var group = 0; group < 3; group++)
            {
                for (var t = 0; t < tokens; t++)
                {
                    IntegerMatrixMultiply.GroupScalar(
                        weight.View, group, activations.Quants + (t * Columns), low is null ? null : low + (t * Columns), activations.Scales + (t * Blocks), activations.Sums + (t * Blocks), ps + (t * 8));
                }

                foreach (var count in new[] { tokens, 1 })
                {
                    if (Avx2.IsSupported)
                    {
                        IntegerMatrixMultiply.GroupAvx2(weight.View, group, activations.Quants, low, activations.WideQuants, activations.Scales, activations.Sums, count, pv);
                        Assert.Equal(scalar[..(count * 8)], vector[..(count * 8)]);
                    }

                    if (AvxVnni.IsSupported)
                    {
                        Array.Clear(vector);
                        IntegerMatrixMultiply.GroupAvxVnni(weight.View, group, activations.Quants, low, activations.Scales, activations.Sums, count, pv);
                        Assert.Equal(scalar[..(count * 8)], vector[..(count * 8)]);
                    }
                }
            }
        }
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
            projector.Run(px, 1, ActivationRounding.OnePlane, new Projection(weight, py));
        }

        Assert.All(y, value => Assert.Equal(-128f * 127f * 32f, value));
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(33, false)]
    [InlineData(1, true)]
    [InlineData(33, true)]
    public void A_vectorized_block_is_rounded_like_the_definition(int seed, bool twoPlanes)
    {
        var x = RandomWeights.Vector(32, seed);
        x[3] = 0.5f / 127f * x.Max(MathF.Abs);
        var scalar = new sbyte[64];
        var vector = new sbyte[64];
        fixed (float* px = x)
        fixed (sbyte* ps = scalar, pv = vector)
        {
            QuantizedActivations.QuantizeBlockScalar(px, ps, twoPlanes ? ps + 32 : null, out var scalarScale, out var scalarSum);
            QuantizedActivations.QuantizeBlock(px, pv, twoPlanes ? pv + 32 : null, out var vectorScale, out var vectorSum);
            Assert.Equal((scalarScale, scalarSum), (vectorScale, vectorSum));
            for (var i = 0; i < 32; i++)
            {
                var value = (twoPlanes ? (QuantizedActivations.PlaneRatio * scalar[i]) + scalar[32 + i] : scalar[i]) * scalarScale;
                Assert.Equal(x[i], value, 0.51f * scalarScale);
            }
        }

        Assert.Equal(scalar, vector);
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
            projector.Run(px, Tokens, ActivationRounding.OnePlane, new Projection(weights[0], y0, bias), new Projection(weights[1], y1), new Projection(weights[2], y2, null, pair));
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
}
