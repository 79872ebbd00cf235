namespace Personalize.Training.Data;

/// <summary>Several examples laid end to end without padding: positions restart at 0 in each, and attention stays within its example.</summary>
/// <remarks>Refilled in place, so that a step allocates nothing once the batch has seen its largest content. Not thread-safe.</remarks>
internal sealed class PackedBatch
{
    private readonly List<ExampleRange> _ranges = [];
    private readonly List<LossPosition> _losses = [];
    private int[] _tokens = [];
    private int[] _positions = [];

    /// <summary>Packs the examples in their order.</summary>
    public PackedBatch(IReadOnlyList<TrainingExample> examples, int start, int count) => Fill(examples, start, count);

    /// <summary>Packs all examples in their order.</summary>
    public PackedBatch(params IReadOnlyList<TrainingExample> examples)
        : this(examples, 0, examples.Count)
    {
    }

    public int TokenCount { get; private set; }

    /// <summary><c>[tokens]</c>.</summary>
    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, TokenCount);

    /// <summary>The position of each token in its own example, <c>[tokens]</c>.</summary>
    public ReadOnlySpan<int> Positions => _positions.AsSpan(0, TokenCount);

    public IReadOnlyList<ExampleRange> Ranges => _ranges;

    public IReadOnlyList<LossPosition> Losses => _losses;

    /// <summary>A hash of each example's tokens (FNV-1a), <c>[examples]</c>.</summary>
    public ulong HashOf(int example)
    {
        const ulong Basis = 0xCBF2_9CE4_8422_2325, Prime = 0x100_0000_01B3;
        var (start, length) = (_ranges[example].Start, _ranges[example].Length);
        var hash = Basis;
        foreach (var token in Tokens.Slice(start, length))
        {
            hash = unchecked((hash ^ (uint)token) * Prime);
        }

        return hash;
    }

    public void Fill(IReadOnlyList<TrainingExample> examples, int start, int count)
    {
        _ranges.Clear();
        _losses.Clear();
        var total = 0;
        for (var e = 0; e < count; e++)
        {
            total += examples[start + e].Length;
        }

        if (_tokens.Length < total)
        {
            _tokens = new int[total];
            _positions = new int[total];
        }

        TokenCount = total;
        var row = 0;
        for (var e = 0; e < count; e++)
        {
            var example = examples[start + e];
            var ids = example.Ids;
            ids.CopyTo(_tokens.AsSpan(row));
            for (var i = 0; i < ids.Length; i++)
            {
                _positions[row + i] = i;
            }

            for (var i = example.FirstTarget; i < ids.Length; i++)
            {
                _losses.Add(new LossPosition(row + i - 1, ids[i], e));
            }

            _ranges.Add(new ExampleRange(row, ids.Length));
            row += ids.Length;
        }
    }
}
