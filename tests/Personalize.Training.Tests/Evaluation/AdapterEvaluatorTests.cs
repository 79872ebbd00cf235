using Personalize.Core.Kernels;
using Personalize.Training.Data;
using Personalize.Training.Evaluation;
using Personalize.Training.Tests.Support;

namespace Personalize.Training.Tests.Evaluation;

public sealed class AdapterEvaluatorTests
{
    [Fact]
    public void The_loss_of_an_example_does_not_depend_on_what_it_is_packed_with()
    {
        using var model = new TinyDecoder();
        using var pool = new WorkerPool(2);
        var evaluator = new AdapterEvaluator(model.Description, model.Weights, pool);
        var adapter = OracleAdapter.CreateData(model.Description, new(2, 4, false, Core.Adapters.LoraConfiguration.AllTargets), 0.3f);

        // Enough for several batches, one example longer than the others and one without loss.
        List<TrainingExample> examples = [.. model.Examples(90), new TrainingExample([.. Enumerable.Range(0, 60).Select(i => i % 37)], 4), new TrainingExample([1, 2], 2)];
        var together = evaluator.Evaluate(examples, adapter);

        Assert.Equal(examples.Count, together.Examples.Count);
        Assert.Equal(examples.Sum(e => e.LossTokenCount), together.Tokens);
        Assert.Equal(new ExampleLoss(0, 0), together.Examples[^1]);
        for (var i = 0; i < examples.Count; i++)
        {
            Assert.Equal(evaluator.Evaluate([examples[i]], adapter).Examples[0], together.Examples[i]);
        }

        Assert.NotEqual(evaluator.Evaluate(examples).MeanNll, together.MeanNll);
        Assert.Equal(0, evaluator.Evaluate([]).Tokens);
    }
}
