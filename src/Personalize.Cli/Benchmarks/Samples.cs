namespace Personalize.Cli.Benchmarks;

/// <summary>Repeated measurements of one thing.</summary>
internal sealed class Samples
{
    private readonly List<double> _values = [];

    public int Count => _values.Count;

    /// <summary>The middle one, or the mean of the two in the middle; 0 where nothing was measured.</summary>
    public double Median
    {
        get
        {
            if (_values.Count == 0)
            {
                return 0;
            }

            var sorted = _values.Order().ToArray();
            return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
        }
    }

    public double Smallest => _values.Count == 0 ? 0 : _values.Min();

    public void Add(double value) => _values.Add(value);
}
