using Personalize.Core.Kernels;
using Personalize.Training.Optimizers;
using Personalize.Training.Steps;

namespace Personalize.Training.Weights;

/// <summary>Updates all weights as a recipe says. With Muon the linear maps' momentum stands where their first moments would. Owns moments and scratch. Not thread-safe.</summary>
internal sealed unsafe class WeightOptimizer : IDisposable
{
    private readonly AdamW _adam;
    private readonly LaneThreads _threads;
    private readonly Muon[] _muon;
    private readonly IReadOnlyList<WeightSlot> _maps;

    public WeightOptimizer(WeightLayout layout, LaneThreads threads, WeightRecipe recipe)
    {
        _threads = threads;
        _maps = recipe.Optimizer == OptimizerKind.Muon ? layout.Maps : [];
        var groups = layout.Groups.Where(group => !_maps.Any(map => map.Start == group.Start)).ToList();
        _adam = new AdamW(layout.Length, recipe.Beta1, recipe.Beta2, recipe.Epsilon, recipe.WeightDecay, groups, coversAll: false);
        _muon = _maps.Count == 0 ? [] : [.. threads.Pools.Select(pool => new Muon(pool, recipe.Momentum, recipe.WeightDecay, _maps.Max(map => map.Length), _maps.Max(map => Math.Min(map.Rows, map.Columns))))];
    }

    /// <summary>How many steps were taken; set where the moments are restored.</summary>
    public int StepCount
    {
        get => _adam.StepCount;
        set => _adam.StepCount = value;
    }

    public NativeBuffer<float> FirstMoments => _adam.FirstMoments;

    public NativeBuffer<float> SecondMoments => _adam.SecondMoments;

    /// <summary>Updates the parameters with <c>gradientScale * gradients</c>.</summary>
    public void Step(TrainableWeights weights, double learningRate, float gradientScale)
    {
        _adam.Step(weights.Parameters, weights.Gradients.Values, learningRate, gradientScale);
        if (_muon.Length == 0)
        {
            return;
        }

        // A matrix at a time, each by one lane.
        _threads.Run(lane =>
        {
            for (var i = lane; i < _maps.Count; i += _muon.Length)
            {
                var map = _maps[i];
                _muon[lane].Step(
                    weights.Parameters.Pointer + map.Start, weights.Gradients.Values.Pointer + map.Start, FirstMoments.Pointer + map.Start, map.Rows, map.Columns, learningRate, gradientScale);
            }
        });
    }

    public void Dispose()
    {
        _adam.Dispose();
        foreach (var muon in _muon)
        {
            muon.Dispose();
        }
    }
}
