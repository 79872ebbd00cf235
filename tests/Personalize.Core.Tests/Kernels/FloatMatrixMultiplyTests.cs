using Personalize.Core.Kernels;
using Personalize.Core.Quantization;

namespace Personalize.Core.Tests.Kernels;

public sealed unsafe class FloatMatrixMultiplyTests
{
    private const double Tolerance = 2e-5;

    public static TheoryData<WeightFormat, int, int, int> Shapes()
    {
        var data = new TheoryData<WeightFormat, int, int, int>();
        foreach (var format in Enum.GetValues<WeightFormat>())
        {
            data.Add(format, 32, 32, 1);
            data.Add(format, 200, 576, 7);
            data.Add(format, 61, 288, 13);
            data.Add(format, 576, 1536, 25);
        }

        data.Add(WeightFormat.Float32, 10, 7, 3);
        return data;
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Forward_and_backward_agree_with_sums_in_double(WeightFormat format, int rows, int columns, int tokens)
    {
        using var pool = new WorkerPool(2);
        using var weight = RandomWeights.Create(format, rows, columns, seed: 5);
        var x = RandomWeights.Vector(tokens * columns, seed: 6);
        var dy = RandomWeights.Vector(tokens * rows, seed: 7);
        var y = new float[tokens * rows];
        var dx = RandomWeights.Vector(tokens * columns, seed: 8);
        var expectedY = new double[y.Length];
        var expectedDx = Array.ConvertAll(dx, v => (double)v);
        var row = new float[columns];
        for (var n = 0; n < rows; n++)
        {
            weight.ReadRow(n, row);
            for (var t = 0; t < tokens; t++)
            {
                for (var k = 0; k < columns; k++)
                {
                    expectedY[(t * rows) + n] += (double)x[(t * columns) + k] * row[k];
                    expectedDx[(t * columns) + k] += (double)dy[(t * rows) + n] * row[k];
                }
            }
        }

        fixed (float* px = x, py = y, pdy = dy, pdx = dx)
        {
            FloatMatrixMultiply.Forward(pool, weight, px, tokens, py);
            FloatMatrixMultiply.BackwardInput(pool, weight, pdy, tokens, pdx, accumulate: true);
        }

        AssertClose(expectedY, y);
        AssertClose(expectedDx, dx);
    }

    [Fact]
    public void Results_depend_neither_on_threads_nor_on_tokens_computed_together()
    {
        using var one = new WorkerPool(1);
        using var three = new WorkerPool(3);
        using var weight = RandomWeights.Create(WeightFormat.Q4One, 96, 320, seed: 1);
        const int Tokens = 17;
        var x = RandomWeights.Vector(Tokens * 320, seed: 2);
        var together = new float[Tokens * 96];
        var alone = new float[Tokens * 96];
        fixed (float* px = x, pt = together, pa = alone)
        {
            FloatMatrixMultiply.Forward(three, weight, px, Tokens, pt);
            for (var t = 0; t < Tokens; t++)
            {
                FloatMatrixMultiply.Forward(one, weight, px + (t * 320), 1, pa + (t * 96));
            }
        }

        Assert.Equal(together, alone);
    }

    [Theory]
    [InlineData(70, 96, 9, 3)]
    [InlineData(576, 320, 400, 8)]
    public void A_low_rank_product_is_added_in_both_directions(int rows, int columns, int tokens, int rank)
    {
        using var pool = new WorkerPool(2);
        using var weight = RandomWeights.Create(WeightFormat.Q4One, rows, columns, seed: 5);
        var (x, left) = (RandomWeights.Vector(tokens * columns, seed: 6), RandomWeights.Vector(tokens * rank, seed: 7));
        var (dy, forward, backward) = (RandomWeights.Vector(tokens * rows, seed: 8), RandomWeights.Vector(rank * rows, seed: 9), RandomWeights.Vector(rank * columns, seed: 10));
        var (y, dx, plainY, plainDx) = (new float[tokens * rows], new float[tokens * columns], new float[tokens * rows], new float[tokens * columns]);
        fixed (float* px = x, pl = left, pdy = dy, pf = forward, pb = backward, py = y, pdx = dx, pn = plainY, pm = plainDx)
        {
            FloatMatrixMultiply.Forward(pool, weight, px, tokens, py, new LowRankAddend((nint)pl, (nint)pf, rank));
            FloatMatrixMultiply.BackwardInput(pool, weight, pdy, tokens, pdx, accumulate: false, new LowRankAddend((nint)pl, (nint)pb, rank));
            FloatMatrixMultiply.Forward(pool, weight, px, tokens, pn);
            FloatMatrixMultiply.BackwardInput(pool, weight, pdy, tokens, pm, accumulate: false);
        }

        AssertClose(Added(plainY, left, forward, tokens, rows, rank), y);
        AssertClose(Added(plainDx, left, backward, tokens, columns, rank), dx);
    }

    private static double[] Added(float[] plain, float[] left, float[] right, int tokens, int size, int rank)
    {
        var sums = Array.ConvertAll(plain, v => (double)v);
        for (var i = 0; i < sums.Length; i++)
        {
            for (var r = 0; r < rank; r++)
            {
                sums[i] += (double)left[(i / size * rank) + r] * right[(r * size) + (i % size)];
            }
        }

        Assert.Equal(tokens * size, sums.Length);
        return sums;
    }

    [Theory]
    [InlineData(WeightFormat.Q4Zero)]
    [InlineData(WeightFormat.Q4One)]
    [InlineData(WeightFormat.Q8Zero)]
    [InlineData(WeightFormat.Float16)]
    [InlineData(WeightFormat.BFloat16)]
    [InlineData(WeightFormat.Float32)]
    public void Decoded_panels_are_bit_equal_to_the_scalar_definition(WeightFormat format)
    {
        using var weight = RandomWeights.Create(format, 32, 128, seed: 3);
        var vector = new float[WeightPanel.Span * 128];
        var scalar = new float[WeightPanel.Span * 128];
        fixed (float* pv = vector, ps = scalar)
        {
            WeightPanel.DecodeColumns(weight.View, 0, 0, 128, pv, 128);
            for (var g = 0; g < 4; g++)
            {
                WeightPanel.DecodeColumnsScalar(weight.View, g, 0, 128, ps + (g / 2 * 128 * WeightPanel.Width) + (g % 2 * 8));
            }

            Assert.Equal(scalar, vector);
            Array.Clear(vector);
            Array.Clear(scalar);
            WeightPanel.DecodeRows(weight.View, 8, 24, 64, pv, 24);
            WeightPanel.DecodeRowsScalar(weight.View, 8, 24, 64, 32, ps, ps + (24 * WeightPanel.Width));
            Assert.Equal(scalar, vector);
        }
    }

    [Theory]
    [InlineData(WeightFormat.Q4Zero)]
    [InlineData(WeightFormat.Q4One)]
    [InlineData(WeightFormat.Q8Zero)]
    public void Every_instruction_set_decodes_the_bits_of_the_scalar_definition(WeightFormat format)
    {
        using var weight = RandomWeights.Create(format, 16, 96, seed: 4);
        float[] scalar = new float[64 * WeightPanel.Width], avx2 = new float[scalar.Length], avx512 = new float[scalar.Length];
        fixed (float* ps = scalar, p2 = avx2, p5 = avx512)
        {
            for (var g = 0; g < 2; g++)
            {
                WeightPanel.DecodeColumnsScalar(weight.View, g, 32, 64, ps + (g * 8));
                Assert.True(!InstructionSets.HasAvx2 || WeightPanel.DecodeColumnsVector(weight.View, g, 32, 64, p2 + (g * 8)));
            }

            Assert.True(!InstructionSets.HasAvx512 || WeightPanel.DecodeColumnsAvx512(weight.View, 0, 32, 64, p5));
            AssertSame();
            foreach (var group in new[] { 0, 1 })
            {
                var second = 8 * WeightPanel.Width;
                WeightPanel.DecodeRowsScalar(weight.View, 8 * group, 8, 64, 32, ps, ps + second);
                Assert.True(!InstructionSets.HasAvx2 || WeightPanel.DecodeRowsVector(weight.View, group, 64, p2, p2 + second));
                Assert.True(!InstructionSets.HasAvx512 || WeightPanel.DecodeRowsAvx512(weight.View, group, 64, p5, p5 + second));
                AssertSame();
            }
        }

        void AssertSame()
        {
            Assert.Equal(scalar, InstructionSets.HasAvx2 ? avx2 : scalar);
            Assert.Equal(scalar, InstructionSets.HasAvx512 ? avx512 : scalar);
        }
    }

    private static void AssertClose(double[] expected, float[] actual)
    {
        var scale = expected.Max(Math.Abs);
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.True(Math.Abs(expected[i] - actual[i]) <= Tolerance * scale, $"element {i}: expected {expected[i]}, found {actual[i]}");
        }
    }
}
