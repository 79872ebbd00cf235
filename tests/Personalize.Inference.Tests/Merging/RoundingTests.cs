using FsCheck;
using FsCheck.Fluent;
using Personalize.Core.Kernels;
using Personalize.Core.Quantization;
using Personalize.Inference.Merging;

namespace Personalize.Inference.Tests.Merging;

/// <summary>The numerical parts of a merge on their own.</summary>
public sealed unsafe class RoundingTests
{
    private const double InverseTolerance = 1e-4;
    private const double FloatSlack = 1e-5;

    [Theory]
    [InlineData(GgmlType.Q4_0)]
    [InlineData(GgmlType.Q4_1)]
    public void The_search_of_a_block_is_never_worse_than_plain_rounding(GgmlType type)
    {
        var values = Gen.Choose(-4000, 4000).Select(i => i / 1000f).ArrayOf(BlockGrid.Elements);
        Prop.ForAll(values.ToArbitrary(), block => IsNoWorseThanPlain(type, block)).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Of_two_extremes_as_large_the_first_decides_the_sign_as_in_plain_rounding()
    {
        float[] block =
        [
            1.548f, -3.357f, 2.859f, -1.748f, 2.627f, -0.7f, -3.091f, -1.908f, 0.229f, -0.931f, 1.441f, 2.403f, -3.994f, 1.01f, -2.059f, 3.429f,
            -1.721f, 2.216f, -3.162f, -3.934f, 3.737f, 3.447f, -2.834f, 3.734f, -3.17f, 0.789f, 0.494f, 2.043f, 3.994f, -3.454f, -0.839f, 2.138f,
        ];
        Assert.True(IsNoWorseThanPlain(GgmlType.Q4_0, block));
    }

    private static bool IsNoWorseThanPlain(GgmlType type, float[] block)
    {
        var plain = new byte[BlockFormat.Of(type).ByteCount];
        BlockCodec.Quantize(type, block, plain);
        var searched = Round(type, block, rows: 1, columns: BlockGrid.Elements, factor: null);
        return Error(type, searched, block) <= (Error(type, plain, block) * (1 + FloatSlack)) + FloatSlack;
    }

    [Theory]
    [InlineData(GgmlType.Q4_0)]
    [InlineData(GgmlType.Q4_1)]
    public void Blocks_of_one_value_are_met(GgmlType type)
    {
        foreach (var value in new[] { 0f, 0.5f, -2f })
        {
            var block = Enumerable.Repeat(value, BlockGrid.Elements).ToArray();
            Assert.Equal(0, Error(type, Round(type, block, 1, BlockGrid.Elements, null), block), FloatSlack);
        }
    }

    [Fact]
    public void The_factor_is_upper_triangular_and_gives_the_damped_inverse()
    {
        const int Size = 37;
        var h = Correlated(Size, samples: 200, seed: 3);
        var u = new float[Size * Size];
        InverseFactor.Compute(h, Size, u);
        var damping = 0.01 * Enumerable.Range(0, Size).Sum(i => h[(i * Size) + i]) / Size;
        for (var i = 0; i < Size; i++)
        {
            for (var j = 0; j < Size; j++)
            {
                Assert.True(j >= i || u[(i * Size) + j] == 0);

                // (U^T U) (H + damping I) is the identity.
                var product = 0d;
                for (var k = 0; k < Size; k++)
                {
                    var inverse = 0d;
                    for (var r = 0; r < Size; r++)
                    {
                        inverse += (double)u[(r * Size) + i] * u[(r * Size) + k];
                    }

                    product += inverse * (h[(k * Size) + j] + (k == j ? damping : 0));
                }

                Assert.Equal(i == j ? 1 : 0, product, InverseTolerance);
            }
        }
    }

    [Fact]
    public void Without_inputs_the_factor_is_the_identity()
    {
        var u = new float[9];
        InverseFactor.Compute(new float[9], 3, u);
        Assert.Equal([1, 0, 0, 0, 1, 0, 0, 0, 1], u);
    }

    [Theory]
    [InlineData(GgmlType.Q4_0)]
    [InlineData(GgmlType.Q4_1)]
    public void Feedback_makes_the_error_of_the_outputs_smaller(GgmlType type)
    {
        const int Rows = 24;
        const int Columns = 96;
        var h = Correlated(Columns, samples: 60, seed: 4);
        var u = new float[Columns * Columns];
        InverseFactor.Compute(h, Columns, u);
        var random = new Random(5);
        var values = Enumerable.Range(0, Rows * Columns).Select(_ => random.NextSingle() - 0.5f).ToArray();
        var without = OutputError(type, Round(type, values, Rows, Columns, null), values, h, Rows, Columns);
        var with = OutputError(type, Round(type, values, Rows, Columns, u), values, h, Rows, Columns);
        Assert.True(with < without / 2, $"{with} with feedback, {without} without");
    }

    [Fact]
    public void Rounding_does_not_depend_on_the_number_of_threads()
    {
        const int Columns = 96;
        var h = Correlated(Columns, samples: 60, seed: 4);
        var u = new float[Columns * Columns];
        InverseFactor.Compute(h, Columns, u);
        var random = new Random(6);
        var values = Enumerable.Range(0, 100 * Columns).Select(_ => random.NextSingle() - 0.5f).ToArray();
        Assert.Equal(Round(GgmlType.Q4_1, values, 100, Columns, u, threads: 1), Round(GgmlType.Q4_1, values, 100, Columns, u, threads: 3));
    }

    private static byte[] Round(GgmlType type, float[] values, int rows, int columns, float[]? factor, int threads = 1)
    {
        using var pool = new WorkerPool(threads);
        var destroyed = (float[])values.Clone();
        var bytes = new byte[BlockFormat.Of(type).GetByteLength(values.Length)];
        fixed (float* v = destroyed, u = factor)
        {
            BlockRounding.Round(pool, type, v, rows, columns, u, Enumerable.Repeat(1f, columns).ToArray(), bytes);
        }

        return bytes;
    }

    private static double Error(GgmlType type, byte[] bytes, float[] values)
    {
        var decoded = new float[values.Length];
        BlockCodec.Dequantize(type, bytes, decoded);
        return values.Zip(decoded, (x, y) => ((double)x - y) * ((double)x - y)).Sum();
    }

    private static double OutputError(GgmlType type, byte[] bytes, float[] values, float[] h, int rows, int columns)
    {
        var e = new float[values.Length];
        BlockCodec.Dequantize(type, bytes, e);
        var sum = 0d;
        for (var row = 0; row < rows; row++)
        {
            for (var i = 0; i < columns; i++)
            {
                for (var j = 0; j < columns; j++)
                {
                    sum += (e[(row * columns) + i] - values[(row * columns) + i]) * (double)h[(i * columns) + j] * (e[(row * columns) + j] - values[(row * columns) + j]);
                }
            }
        }

        return sum;
    }

    /// <summary>H of inputs that are mixtures of a few directions, as those of a language model are.</summary>
    private static float[] Correlated(int size, int samples, int seed)
    {
        var random = new Random(seed);
        var mixing = Enumerable.Range(0, 6 * size).Select(_ => random.NextSingle() - 0.5f).ToArray();
        var h = new float[size * size];
        for (var sample = 0; sample < samples; sample++)
        {
            var x = new float[size];
            for (var direction = 0; direction < 6; direction++)
            {
                var strength = random.NextSingle() - 0.5f;
                for (var i = 0; i < size; i++)
                {
                    x[i] += (strength * mixing[(direction * size) + i]) + (0.01f * (random.NextSingle() - 0.5f));
                }
            }

            for (var i = 0; i < size; i++)
            {
                for (var j = 0; j < size; j++)
                {
                    h[(i * size) + j] += x[i] * x[j] / samples;
                }
            }
        }

        return h;
    }
}
