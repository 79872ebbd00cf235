using Personalize.Training.Adapters;

namespace Personalize.Training.Weights;

/// <summary>Which examples each step of a run trains on: the given order in every epoch, or for each epoch one drawn from the seed (Fisher and Yates), a function of seed and epoch alone.</summary>
internal sealed class EpochOrder
{
    private readonly int _examplesPerStep;
    private readonly bool _shuffles;
    private readonly ulong _seed;
    private readonly int[] _order;
    private int _epoch = -1;

    public EpochOrder(int exampleCount, WeightRecipe recipe)
    {
        _examplesPerStep = recipe.ExamplesPerStep;
        _shuffles = recipe.Shuffle;
        _seed = recipe.Seed;
        _order = new int[exampleCount];
        StepsPerEpoch = (int)(((long)exampleCount + recipe.ExamplesPerStep - 1) / recipe.ExamplesPerStep);
        var all = checked(StepsPerEpoch * recipe.Epochs);
        StepCount = recipe.Steps == 0 ? all : Math.Min(recipe.Steps, all);
    }

    public int StepsPerEpoch { get; }

    public int StepCount { get; }

    /// <summary>The examples of a step, counted from 0; valid until the next call.</summary>
    public ReadOnlySpan<int> Examples(int step)
    {
        var epoch = step / StepsPerEpoch;
        if (epoch != _epoch)
        {
            Draw(epoch);
            _epoch = epoch;
        }

        var start = step % StepsPerEpoch * _examplesPerStep;
        return _order.AsSpan(start, Math.Min(_examplesPerStep, _order.Length - start));
    }

    private void Draw(int epoch)
    {
        for (var i = 0; i < _order.Length; i++)
        {
            _order[i] = i;
        }

        if (!_shuffles)
        {
            return;
        }

        // A stream that no tensor's initial values are drawn from.
        var key = UniformStream.Key(~_seed, (ulong)epoch);
        for (var i = _order.Length - 1; i > 0; i--)
        {
            key = unchecked(key + 0x9E37_79B9_7F4A_7C15);
            var other = (int)(((UInt128)UniformStream.Mix(key) * (ulong)(i + 1)) >> 64);
            (_order[i], _order[other]) = (_order[other], _order[i]);
        }
    }
}
