using Personalize.Training.Data;

namespace Personalize.Training.Tests.Data;

public sealed class PackedBatchTests
{
    [Fact]
    public void Lays_examples_end_to_end_with_restarting_positions()
    {
        var batch = new PackedBatch(new TrainingExample([7, 8, 9], 2), new TrainingExample([5], 0), new TrainingExample([1, 2, 3, 4], 1));

        Assert.Equal([7, 8, 9, 5, 1, 2, 3, 4], batch.Tokens.ToArray());
        Assert.Equal([0, 1, 2, 0, 0, 1, 2, 3], batch.Positions.ToArray());
        Assert.Equal([new ExampleRange(0, 3), new ExampleRange(3, 1), new ExampleRange(4, 4)], batch.Ranges);
        Assert.Equal([new LossPosition(1, 9, 0), new LossPosition(4, 2, 2), new LossPosition(5, 3, 2), new LossPosition(6, 4, 2)], batch.Losses);
    }

    [Fact]
    public void A_refill_forgets_the_content_before()
    {
        var examples = new[] { new TrainingExample([7, 8, 9], 1), new TrainingExample([5, 6], 1) };
        var batch = new PackedBatch(examples);
        batch.Fill(examples, 1, 1);
        Assert.Equal([5, 6], batch.Tokens.ToArray());
        Assert.Equal([0, 1], batch.Positions.ToArray());
        Assert.Equal([new LossPosition(0, 6, 0)], batch.Losses);
        Assert.Single(batch.Ranges);
    }
}
