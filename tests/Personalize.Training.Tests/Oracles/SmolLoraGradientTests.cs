using Personalize.Core.Formats.Safetensors;
using Personalize.TestSupport;
using Personalize.Training.Adapters;
using Personalize.Training.Data;
using Personalize.Training.Optimizers;
using Personalize.Training.Privacy;
using Personalize.Training.Steps;
using Personalize.Training.Tests.Support;

namespace Personalize.Training.Tests.Oracles;

/// <summary>Loss and gradients of SmolLM2-135M against PyTorch and PEFT.</summary>
public sealed class SmolLoraGradientTests(SmolLoraOracle oracle) : IClassFixture<SmolLoraOracle>
{
    private const double LossTolerance = 1e-4;
    private const double NormTolerance = 2e-3;
    private const double ElementTolerance = 1e-3;

    [SharedTheory(SmolLoraOracle.RelativePath)]
    [InlineData("lora")]
    [InlineData("rslora")]
    [InlineData("dora")]
    public void Loss_and_every_gradient_norm_agree(string name)
    {
        using var adapter = Adapter(name);
        var golden = oracle.Root.GetProperty(name);

        var outcome = Compute(adapter, oracle.Batch);

        Assert.Equal(golden.GetProperty("lossTokens").GetInt32(), outcome.LossTokens);
        Assert.Equal(golden.GetProperty("loss").GetDouble(), outcome.Loss, LossTolerance);
        AssertWithin(golden.GetProperty("totalGradientNorm").GetDouble(), outcome.GradientNorm, NormTolerance, "all");
        var norms = golden.GetProperty("gradientNorm");
        var gradients = adapter.CopyGradients();
        Assert.Equal(norms.EnumerateObject().Count(), TensorsOf(name) * gradients.Count);
        foreach (var pair in gradients)
        {
            AssertWithin(norms.GetProperty(OracleAdapter.Name(pair, 'A')).GetDouble(), OracleAdapter.Norm(pair.A), NormTolerance, OracleAdapter.Name(pair, 'A'));
            AssertWithin(norms.GetProperty(OracleAdapter.Name(pair, 'B')).GetDouble(), OracleAdapter.Norm(pair.B), NormTolerance, OracleAdapter.Name(pair, 'B'));
            if (pair.Magnitude is { } magnitude)
            {
                AssertWithin(norms.GetProperty(OracleAdapter.Name(pair, 'm')).GetDouble(), OracleAdapter.Norm(magnitude), NormTolerance, OracleAdapter.Name(pair, 'm'));
            }
        }
    }

    [SharedTheory("oracles/lora/gradients-dora.safetensors")]
    [InlineData("lora")]
    [InlineData("dora")]
    public void Gradients_of_the_first_the_middle_and_the_last_layer_agree_element_by_element(string name)
    {
        using var adapter = Adapter(name);
        Compute(adapter, oracle.Batch);
        using var expected = SafetensorsFile.Open(SharedFiles.Resolve($"oracles/lora/gradients-{name}.safetensors"));
        var gradients = adapter.CopyGradients().Where(p => expected.TryGetTensor(OracleAdapter.Name(p, 'A'), out _)).ToList();
        Assert.Equal(expected.Tensors.Count, TensorsOf(name) * gradients.Count);
        foreach (var pair in gradients)
        {
            Assert.InRange(OracleAdapter.RelativeError(expected.ReadSingles(OracleAdapter.Name(pair, 'A')), pair.A), 0, ElementTolerance);
            Assert.InRange(OracleAdapter.RelativeError(expected.ReadSingles(OracleAdapter.Name(pair, 'B')), pair.B), 0, ElementTolerance);
            if (pair.Magnitude is { } magnitude)
            {
                Assert.InRange(OracleAdapter.RelativeError(expected.ReadSingles(OracleAdapter.Name(pair, 'm')), magnitude), 0, ElementTolerance);
            }
        }
    }

    [SharedFact(SmolLoraOracle.RelativePath)]
    public void Loss_and_gradient_norm_of_each_single_example_agree()
    {
        var golden = oracle.Root.GetProperty("lora");
        using var adapter = Adapter("lora");
        var expected = golden.GetProperty("perExample").EnumerateArray().ToList();
        Assert.Equal(expected.Count, oracle.Batch.Count);
        for (var i = 0; i < expected.Count; i++)
        {
            var outcome = Compute(adapter, [oracle.Batch[i]]);
            Assert.Equal(expected[i].GetProperty("tokens").GetInt32(), outcome.LossTokens);
            Assert.Equal(expected[i].GetProperty("loss").GetDouble(), outcome.Loss, LossTolerance);
            AssertWithin(expected[i].GetProperty("gradientNorm").GetDouble(), outcome.GradientNorm, NormTolerance, $"example {i}");
        }
    }

    [SharedFact(SmolLoraOracle.RelativePath)]
    public void Norms_of_each_example_come_out_of_one_packed_backward()
    {
        var golden = oracle.Root.GetProperty("lora");
        using var adapter = Adapter("lora");
        var expected = golden.GetProperty("perExample").EnumerateArray().ToList();
        using var stack = StepRunner.Stack(oracle.Model.Description, oracle.Model.Weights, oracle.Pool, adapter, oracle.Batch);
        using var gradients = new PerExampleGradients(adapter, expected.Count);
        var batch = new PackedBatch(oracle.Batch);
        gradients.Begin(batch);
        stack.Accumulate(batch, 1, CancellationToken.None);
        for (var i = 0; i < expected.Count; i++)
        {
            var norm = GradientClipping.GlobalNorm(gradients.Of(i)) / expected[i].GetProperty("tokens").GetInt32();
            AssertWithin(expected[i].GetProperty("gradientNorm").GetDouble(), norm, NormTolerance, $"example {i}");
        }
    }

    private static void AssertWithin(double expected, double actual, double relative, string what) =>
        Assert.True(Math.Abs(actual - expected) <= relative * expected, $"{what}: expected {expected}, got {actual}");

    private static int TensorsOf(string name) => name == "dora" ? 3 : 2;

    private TrainableAdapter Adapter(string name) =>
        OracleAdapter.Create(oracle.Model.Description, SmolLoraOracle.Configuration(name == "rslora") with { UseDora = name == "dora" }, oracle.Root.GetProperty(name).GetProperty("boundB").GetSingle(), weights: oracle.Model.Weights);

    private TrainingStep.Outcome Compute(TrainableAdapter adapter, IReadOnlyList<TrainingExample> examples) =>
        StepRunner.Compute(oracle.Model.Description, oracle.Model.Weights, oracle.Pool, adapter, examples);
}
