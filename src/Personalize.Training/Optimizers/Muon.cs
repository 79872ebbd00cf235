using Personalize.Core.Kernels;

namespace Personalize.Training.Optimizers;

/// <summary>Updates a matrix by its momentum made orthogonal, so that every direction moves alike (Jordan et al., Muon, 2024; with the scale and decay of arXiv 2502.16982, equation 4).</summary>
/// <remarks>
/// With gradient G of W <c>[rows, columns]</c>: <c>m += (G - m)(1 - b)</c>; <c>u = G + (m - G) b</c>; <c>O = NewtonSchulz(u)</c>; <c>W -= rate (0.2 sqrt(max(rows, columns)) O + decay W)</c>. The factor gives the update
/// the size that Adam's has, so both go by one rate. The iteration <c>X = aX + (bA + cA^2)X, A = XX^T</c> takes singular values in (0, 1] to about 1 in five rounds.
/// Products are summed in order whatever the number of threads. Owns its scratch, borrows the pool. Not thread-safe.
/// </remarks>
internal sealed unsafe class Muon : IDisposable
{
    private const int Rounds = 5;
    private const float A = 3.4445f;
    private const float B = -4.7750f;
    private const float C = 2.0315f;
    private const float SizeOfAdam = 0.2f;

    private readonly WorkerPool _pool;
    private readonly float _momentum;
    private readonly float _weightDecay;
    private readonly NativeBuffer<float> _matrix;
    private readonly NativeBuffer<float> _transposed;
    private readonly NativeBuffer<float> _next;
    private readonly NativeBuffer<float> _square;
    private readonly NativeBuffer<float> _polynomial;

    /// <param name="pool">The threads.</param>
    /// <param name="momentum">b, from 0 to below 1.</param>
    /// <param name="weightDecay">The decay.</param>
    /// <param name="largestElements">The most elements a matrix has.</param>
    /// <param name="largestSide">The longest of the matrices' shorter sides.</param>
    public Muon(WorkerPool pool, double momentum, double weightDecay, long largestElements, int largestSide)
    {
        _pool = pool;
        _momentum = (float)momentum;
        _weightDecay = (float)weightDecay;
        _matrix = new NativeBuffer<float>(largestElements);
        _transposed = new NativeBuffer<float>(largestElements);
        _next = new NativeBuffer<float>(largestElements);
        _square = new NativeBuffer<float>((long)largestSide * largestSide);
        _polynomial = new NativeBuffer<float>((long)largestSide * largestSide);
    }

    /// <summary>Updates one matrix with <c>gradientScale * gradient</c>.</summary>
    /// <param name="parameters">W, row-major.</param>
    /// <param name="gradient">G; stays as it is.</param>
    /// <param name="momentum">m, kept by the caller.</param>
    /// <param name="rows">Rows of W.</param>
    /// <param name="columns">Columns of W.</param>
    /// <param name="learningRate">The rate of the step.</param>
    /// <param name="gradientScale">What the gradient is multiplied with.</param>
    public void Step(float* parameters, float* gradient, float* momentum, int rows, int columns, double learningRate, float gradientScale)
    {
        var length = (long)rows * columns;
        float* x = _matrix.Pointer, y = _transposed.Pointer;
        var square = 0d;
        for (var i = 0L; i < length; i++)
        {
            var g = gradient[i] * gradientScale;
            momentum[i] += (g - momentum[i]) * (1 - _momentum);
            x[i] = g + ((momentum[i] - g) * _momentum);
            square += (double)x[i] * x[i];
        }

        if (square == 0)
        {
            return;
        }

        // The iteration runs on the form with the shorter side first: its square is the smaller one.
        Transpose(x, rows, columns, y);
        var wide = rows <= columns;
        var direction = Orthogonalize(wide ? x : y, wide ? y : x, Math.Min(rows, columns), Math.Max(rows, columns), (float)(1 / Math.Sqrt(square)));
        if (!wide)
        {
            Transpose(direction, columns, rows, _next.Pointer);
            direction = _next.Pointer;
        }

        var keep = (float)(1 - (learningRate * _weightDecay));
        var size = (float)(learningRate * SizeOfAdam * Math.Sqrt(Math.Max(rows, columns)));
        for (var i = 0L; i < length; i++)
        {
            parameters[i] = (parameters[i] * keep) - (size * direction[i]);
        }
    }

    public void Dispose()
    {
        _matrix.Dispose();
        _transposed.Dispose();
        _next.Dispose();
        _square.Dispose();
        _polynomial.Dispose();
    }

    /// <summary>The orthogonal factor of x <c>[m, n]</c>, m at most n; in x itself. Its transpose y is used up.</summary>
    private float* Orthogonalize(float* x, float* y, int m, int n, float scale)
    {
        float* square = _square.Pointer, polynomial = _polynomial.Pointer, next = _next.Pointer;
        var length = (long)m * n;
        for (var i = 0L; i < length; i++)
        {
            x[i] *= scale;
            y[i] *= scale;
        }

        for (var round = 0; round < Rounds; round++)
        {
            if (round > 0)
            {
                Transpose(x, m, n, y);
            }

            DenseMultiply.Run(_pool, x, n, 1, y, m, square, m, m, m, n, accumulate: false);
            for (var i = 0L; i < (long)m * m; i++)
            {
                polynomial[i] = B / C * square[i];
            }

            DenseMultiply.Run(_pool, square, m, 1, square, m, polynomial, m, m, m, m, accumulate: true);
            for (var i = 0L; i < length; i++)
            {
                next[i] = A / C * x[i];
            }

            DenseMultiply.Run(_pool, polynomial, m, 1, x, n, next, n, m, n, m, accumulate: true);
            for (var i = 0L; i < length; i++)
            {
                x[i] = C * next[i];
            }
        }

        return x;
    }

    private static void Transpose(float* x, int rows, int columns, float* y)
    {
        const int Tile = 16;
        for (var top = 0; top < rows; top += Tile)
        {
            for (var left = 0; left < columns; left += Tile)
            {
                for (var row = top; row < Math.Min(top + Tile, rows); row++)
                {
                    for (var column = left; column < Math.Min(left + Tile, columns); column++)
                    {
                        y[((long)column * rows) + row] = x[((long)row * columns) + column];
                    }
                }
            }
        }
    }
}
