using System.Text.Json;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Tokenization;
using Personalize.TestSupport;
using Personalize.Training.Adapters;
using Personalize.Training.Data;
using Personalize.Training.Evaluation;
using Personalize.Training.Memory;
using Personalize.Training.Optimizers;
using Personalize.Training.Tests.Support;

namespace Personalize.Training.Tests.Oracles;

/// <summary>Forty optimizer steps on SmolLM2-135M against PyTorch and PEFT, from tokens to the loss on later rows.</summary>
public sealed class SmolLoraCurveTests(SmolLoraOracle oracle) : IClassFixture<SmolLoraOracle>
{
    private const double StepLossTolerance = 0.01;
    private const double HeldOutTolerance = 0.005;
    private const double BaseTolerance = 1e-4;
    private const int ExamplesPerStep = 4;
    private const int MaximumTokens = 96;
    private const double PeakLearningRate = 1e-3;
    private const int WarmupSteps = 5;
    private const string Rows = "data/users/commits-a.jsonl";
    private const string System = "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n";

    [Trait("Duration", "Long")]
    [SharedFact(Rows)]
    public void Forty_steps_follow_the_golden_curve()
    {
        var golden = oracle.Root.GetProperty("curve");
        var steps = golden.GetProperty("steps").EnumerateArray().ToList();
        var examples = Examples();
        var heldOutRows = golden.GetProperty("heldOutRows");
        var heldOut = examples[heldOutRows[0].GetInt32()..(heldOutRows[1].GetInt32() + 1)];
        var description = oracle.Model.Description;
        var evaluator = new AdapterEvaluator(description, oracle.Model.Weights, oracle.Pool);
        Assert.Equal(golden.GetProperty("heldOutNllBefore").GetDouble(), evaluator.Evaluate(heldOut).MeanNll, BaseTolerance);

        using var adapter = OracleAdapter.Create(description, SmolLoraOracle.Configuration(), golden.GetProperty("boundB").GetSingle());
        var configuration = SmolLoraOracle.Configuration();
        var recipe = new LoraRecipe { Rank = configuration.Rank, Alpha = configuration.Alpha, Targets = configuration.Targets, ExamplesPerStep = ExamplesPerStep };
        var plan = TrainingPlan.Choose(description, recipe, new TrainingMemory(), oracle.Pool.ThreadCount, examples);
        using var lanes = new AdapterLanes(description, oracle.Model.Weights, oracle.Pool, adapter, plan, dropout: null);
        using var optimizer = new AdamW(adapter.Parameters.Length, 0.9, 0.999, 1e-8, 0);
        var schedule = new LearningRateSchedule(PeakLearningRate, WarmupSteps, 1, steps.Count);
        for (var s = 0; s < steps.Count; s++)
        {
            var outcome = lanes.Compute(examples.GetRange(s * ExamplesPerStep, ExamplesPerStep), CancellationToken.None);
            Assert.Equal(steps[s].GetProperty("lossTokens").GetInt32(), outcome.LossTokens);
            Assert.InRange(outcome.Loss / steps[s].GetProperty("loss").GetDouble(), 1 - StepLossTolerance, 1 + StepLossTolerance);
            optimizer.Step(adapter.Parameters, adapter.Gradients, schedule.At(s), GradientClipping.Factor(outcome.GradientNorm, 1));
        }

        var after = evaluator.Evaluate(heldOut, adapter.ToAdapter(oracle.Model.Fingerprint)).MeanNll;
        Assert.InRange(after / golden.GetProperty("heldOutNllAfter").GetDouble(), 1 - HeldOutTolerance, 1 + HeldOutTolerance);
    }

    /// <summary>Prompt and reply as the oracle's script puts them together.</summary>
    private static List<TrainingExample> Examples()
    {
        using var file = GgufFile.Open(SharedFiles.Resolve(SharedFiles.Model));
        var tokenizer = GgufTokenizer.Load(file.Metadata);
        var examples = new List<TrainingExample>();
        foreach (var line in File.ReadLines(SharedFiles.Resolve(Rows)))
        {
            using var row = JsonDocument.Parse(line);
            var context = row.RootElement.GetProperty("context").GetString();
            var prompt = tokenizer.Encode($"{System}<|im_start|>user\n{context}<|im_end|>\n<|im_start|>assistant\n", parseSpecialTokens: true);
            var reply = tokenizer.Encode($"{row.RootElement.GetProperty("text").GetString()}<|im_end|>\n", parseSpecialTokens: true);
            examples.Add(new TrainingExample([.. prompt, .. reply], prompt.Length).Truncate(MaximumTokens));
        }

        return examples;
    }
}
