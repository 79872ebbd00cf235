using System.Text.Json;
using Personalize.Core.Adapters;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Formats.Safetensors;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.TestSupport;
using Personalize.Training.Data;
using Personalize.Training.Tests.Support;

namespace Personalize.Training.Tests.Oracles;

/// <summary>The whole backward against PyTorch and PEFT on a tiny model that is committed with the tests.</summary>
public sealed class FamilyGradientTests
{
    private const double LossTolerance = 1e-4;
    private const double ElementTolerance = 1e-3;
    private const int FirstPredictingPosition = 20;

    [Fact]
    public void Every_gradient_equals_that_of_PyTorch()
    {
        var folder = SharedFiles.Fixture("training/llama3.2");
        using var file = GgufFile.Open(Path.Combine(folder, "model-f16.gguf"));
        using var model = DecoderModel.Load(file);
        using var pool = new WorkerPool(2);
        using var golden = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "gradients.json")));
        using var inputs = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "ids.json")));
        var root = golden.RootElement;
        var configuration = new LoraConfiguration(root.GetProperty("r").GetInt32(), root.GetProperty("alpha").GetSingle(), false, LoraConfiguration.AllTargets);
        using var adapter = OracleAdapter.Create(model.Description, configuration, root.GetProperty("boundB").GetSingle());
        var ids = inputs.RootElement.GetProperty("ids").EnumerateArray().Select(e => e.GetInt32()).ToArray();

        var outcome = StepRunner.Compute(model.Description, model.Weights, pool, adapter, [new TrainingExample(ids, FirstPredictingPosition + 1)]);

        Assert.Equal(root.GetProperty("loss").GetDouble(), outcome.Loss, LossTolerance);
        using var expected = SafetensorsFile.Open(Path.Combine(folder, "gradients.safetensors"));
        var gradients = adapter.CopyGradients();
        Assert.Equal(expected.Tensors.Count, 2 * gradients.Count);
        foreach (var pair in gradients)
        {
            Assert.InRange(OracleAdapter.RelativeError(expected.ReadSingles(OracleAdapter.Name(pair, 'A')), pair.A), 0, ElementTolerance);
            Assert.InRange(OracleAdapter.RelativeError(expected.ReadSingles(OracleAdapter.Name(pair, 'B')), pair.B), 0, ElementTolerance);
        }
    }
}
