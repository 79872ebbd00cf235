using System.Runtime.InteropServices;
using Personalize.Core.Adapters;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Core.Quantization;
using Personalize.Inference.Adapters;
using Personalize.Inference.Decoding;
using Personalize.Training.Data;
using Personalize.Training.Evaluation;

namespace Personalize.ArchitectureTests;

/// <summary>Training and inference have one forward: what the trainer measures is what the session serves.</summary>
public sealed class ForwardAgreementTests : IDisposable
{
    /// <summary>Both run the same products; only attention sums its positions in another order.</summary>
    private const double Tolerance = 2e-5;

    private readonly string _folder = Directory.CreateTempSubdirectory("personalize-test-").FullName;

    private static string Fixture => SharedFiles.Fixture("training/llama3.2/model-f16.gguf");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(false, false, false)]
    [InlineData(true, false, false)]
    [InlineData(true, true, false)]
    [InlineData(false, false, true)]
    [InlineData(true, false, true)]
    [InlineData(true, true, true)]
    public void The_trainers_loss_is_the_sessions_loss(bool withAdapter, bool dora, bool biases)
    {
        using var file = GgufFile.Open(biases ? WriteWithBiases() : Fixture);
        using var model = DecoderModel.Load(file);
        using var pool = new WorkerPool(2);
        var adapter = withAdapter ? MakeAdapter(model, dora) : null;
        var random = new Random(4);
        var examples = new[] { 37, 5, 64 }
            .Select(length => new TrainingExample([.. Enumerable.Range(0, length).Select(_ => random.Next(model.Description.VocabularySize))], promptLength: 3))
            .ToArray();
        var trained = new AdapterEvaluator(model.Description, model.Weights, pool).Evaluate(examples, adapter);
        using var attached = adapter is null ? null : new AttachedAdapter(adapter, model);
        for (var i = 0; i < examples.Length; i++)
        {
            var ids = examples[i].Ids.ToArray();
            using var session = new DecoderSession(model, pool, new DecoderSessionOptions { ContextLength = ids.Length, ChunkSize = 16, Precision = ArithmeticPrecision.Single }, attached);
            var served = 0d;
            session.Feed(
                ids,
                (index, logits) =>
                {
                    if (index + 1 >= 3 && index + 1 < ids.Length)
                    {
                        served -= logits[ids[index + 1]] - LogSumExp(logits);
                    }
                },
                null,
                CancellationToken.None);
            Assert.Equal(trained.Examples[i].Nll, served, Tolerance * trained.Examples[i].Nll);
        }
    }

    private static LoraAdapter MakeAdapter(DecoderModel model, bool dora)
    {
        const int Rank = 3;
        var random = new Random(9);
        float[] Values(int length) => [.. Enumerable.Range(0, length).Select(_ => (float)((random.NextDouble() - 0.5) * 0.3))];
        var pairs =
            from layer in Enumerable.Range(0, model.Description.LayerCount)
            from module in LoraConfiguration.AllTargets
            let shape = model.GetShape(module)
            select new LoraPair(layer, module, Rank, Values(Rank * shape.Input), Values(shape.Output * Rank), dora ? [.. Values(shape.Output).Select(v => 1 + v)] : null, model.Description.HasBias(module) ? Values(shape.Output) : null);
        return new LoraAdapter(new LoraConfiguration(Rank, 6, false, LoraConfiguration.AllTargets) { UseDora = dora, TrainsBiases = true }, model.Fingerprint, [.. pairs]);
    }

    /// <summary>The fixture with biases of queries, keys and values.</summary>
    private string WriteWithBiases()
    {
        var path = Path.Combine(_folder, "biased.gguf");
        var random = new Random(7);
        using var file = GgufFile.Open(Fixture);
        var writer = new GgufWriter(file.Alignment);
        writer.CopyMetadata(file.Metadata);
        foreach (var tensor in file.Tensors)
        {
            writer.AddTensor(file, tensor);
            if (tensor.Name.EndsWith("attn_q.weight", StringComparison.Ordinal) || tensor.Name.EndsWith("attn_k.weight", StringComparison.Ordinal) || tensor.Name.EndsWith("attn_v.weight", StringComparison.Ordinal))
            {
                float[] bias = [.. Enumerable.Range(0, (int)tensor.Dimensions[1]).Select(_ => (float)random.NextDouble() - 0.5f)];
                writer.AddTensor(Path.ChangeExtension(tensor.Name, "bias"), GgmlType.F32, [bias.Length], MemoryMarshal.AsBytes(bias.AsSpan()).ToArray());
            }
        }

        using var stream = File.Create(path);
        writer.Write(stream);
        return path;
    }

    private static double LogSumExp(ReadOnlySpan<float> logits)
    {
        var largest = double.NegativeInfinity;
        foreach (var logit in logits)
        {
            largest = Math.Max(largest, logit);
        }

        var sum = 0d;
        foreach (var logit in logits)
        {
            sum += Math.Exp(logit - largest);
        }

        return largest + Math.Log(sum);
    }
}
