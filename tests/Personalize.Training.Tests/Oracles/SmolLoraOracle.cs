using System.Text.Json;
using Personalize.Core.Adapters;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.TestSupport;
using Personalize.Training.Data;

namespace Personalize.Training.Tests.Oracles;

/// <summary>The model of the oracles and what PyTorch and PEFT computed with it, loaded once for all tests of the class.</summary>
public sealed class SmolLoraOracle : IDisposable
{
    public const string RelativePath = "oracles/lora/lora.json";

    private readonly JsonDocument? _document;
    private readonly DecoderModel? _model;
    private readonly WorkerPool? _pool;

    public SmolLoraOracle()
    {
        if (SharedFiles.ReasonToSkip(RelativePath) is not null || SharedFiles.ReasonToSkip(SharedFiles.Model) is not null)
        {
            return;
        }

        _document = JsonDocument.Parse(File.ReadAllBytes(SharedFiles.Resolve(RelativePath)));
        using var file = GgufFile.Open(SharedFiles.Resolve(SharedFiles.Model));
        _model = DecoderModel.Load(file);
        _pool = new WorkerPool(2);
    }

    public JsonElement Root => _document!.RootElement;

    public DecoderModel Model => _model!;

    public WorkerPool Pool => _pool!;

    public IReadOnlyList<TrainingExample> Batch => [.. Root.GetProperty("batch").EnumerateArray().Select(Example)];

    public static LoraConfiguration Configuration(bool rankStabilized = false) => new(8, 16, rankStabilized, LoraConfiguration.AllTargets);

    public void Dispose()
    {
        _document?.Dispose();
        _model?.Dispose();
        _pool?.Dispose();
    }

    private static TrainingExample Example(JsonElement element)
    {
        var mask = element.GetProperty("lossMask").EnumerateArray().Select(e => e.GetInt32()).ToArray();
        var ids = element.GetProperty("ids").EnumerateArray().Select(e => e.GetInt32()).ToArray();
        var prompt = Array.IndexOf(mask, 1);
        return new TrainingExample(ids, prompt < 0 ? ids.Length : prompt);
    }
}
