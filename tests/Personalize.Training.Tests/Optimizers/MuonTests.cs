using Personalize.Core.Kernels;
using Personalize.Training.Optimizers;

namespace Personalize.Training.Tests.Optimizers;

public sealed unsafe class MuonTests
{
    private const double Momentum = 0.9;
    private const double Decay = 0.1;
    private const double Rate = 0.02;

    /// <summary>Five rounds of products in single precision.</summary>
    private const double Tolerance = 1e-4;

    [Theory]
    [InlineData(5, 12)]
    [InlineData(12, 5)]
    [InlineData(9, 9)]
    [InlineData(1, 7)]
    public void Agrees_with_the_definition_in_double_precision(int rows, int columns)
    {
        var random = new Random(rows * 100 + columns);
        float[] Draw() => [.. Enumerable.Range(0, rows * columns).Select(_ => (float)(random.NextDouble() - 0.5))];
        float[] parameters = Draw(), momentum = new float[rows * columns];
        var (expected, expectedMomentum) = (parameters.Select(value => (double)value).ToArray(), new double[rows * columns]);
        using var pool = new WorkerPool(2);
        using var muon = new Muon(pool, Momentum, Decay, rows * columns, Math.Min(rows, columns));
        for (var step = 0; step < 3; step++)
        {
            var gradient = Draw();
            fixed (float* p = parameters, g = gradient, m = momentum)
            {
                muon.Step(p, g, m, rows, columns, Rate, gradientScale: 0.5f);
            }

            Reference(expected, [.. gradient.Select(value => 0.5 * value)], expectedMomentum, rows, columns);
            for (var i = 0; i < expected.Length; i++)
            {
                Assert.Equal(expected[i], parameters[i], Tolerance);
            }
        }
    }

    [Fact]
    public void No_gradient_changes_nothing_but_is_no_error()
    {
        float[] parameters = [1, 2, 3, 4], gradient = new float[4], momentum = new float[4];
        using var pool = new WorkerPool(1);
        using var muon = new Muon(pool, Momentum, Decay, 4, 2);
        fixed (float* p = parameters, g = gradient, m = momentum)
        {
            muon.Step(p, g, m, 2, 2, Rate, 1);
        }

        Assert.Equal([1, 2, 3, 4], parameters);
    }

    private static void Reference(double[] parameters, double[] gradient, double[] momentum, int rows, int columns)
    {
        var x = new double[rows, columns];
        var norm = 0d;
        for (var i = 0; i < parameters.Length; i++)
        {
            momentum[i] += (gradient[i] - momentum[i]) * (1 - Momentum);
            x[i / columns, i % columns] = gradient[i] + ((momentum[i] - gradient[i]) * Momentum);
            norm += Math.Pow(x[i / columns, i % columns], 2);
        }

        x = Map(x, value => value / Math.Sqrt(norm));
        for (var round = 0; round < 5; round++)
        {
            var square = Product(x, Transpose(x));
            var cube = Product(square, x);
            x = Sum(Sum(Map(x, value => 3.4445 * value), Map(cube, value => -4.7750 * value)), Map(Product(square, cube), value => 2.0315 * value));
        }

        for (var i = 0; i < parameters.Length; i++)
        {
            parameters[i] -= Rate * ((0.2 * Math.Sqrt(Math.Max(rows, columns)) * x[i / columns, i % columns]) + (Decay * parameters[i]));
        }
    }

    private static double[,] Product(double[,] a, double[,] b)
    {
        var result = new double[a.GetLength(0), b.GetLength(1)];
        for (var i = 0; i < result.GetLength(0); i++)
        {
            for (var j = 0; j < result.GetLength(1); j++)
            {
                result[i, j] = Enumerable.Range(0, a.GetLength(1)).Sum(k => a[i, k] * b[k, j]);
            }
        }

        return result;
    }

    private static double[,] Transpose(double[,] a) => Make(a.GetLength(1), a.GetLength(0), (i, j) => a[j, i]);

    private static double[,] Sum(double[,] a, double[,] b) => Make(a.GetLength(0), a.GetLength(1), (i, j) => a[i, j] + b[i, j]);

    private static double[,] Map(double[,] a, Func<double, double> map) => Make(a.GetLength(0), a.GetLength(1), (i, j) => map(a[i, j]));

    private static double[,] Make(int rows, int columns, Func<int, int, double> value)
    {
        var result = new double[rows, columns];
        for (var i = 0; i < rows; i++)
        {
            for (var j = 0; j < columns; j++)
            {
                result[i, j] = value(i, j);
            }
        }

        return result;
    }
}
