using System.Text.Json;
using Personalize.Core.Adapters;
using Personalize.Core.Tokenization;
using Personalize.Training.Data;

namespace Personalize.Training.Evaluation;

/// <summary>
/// What a model can do in general: beginnings of sentences, written for this library, each with one right ending and three wrong ones (facts, grammar, sums, what was said just before). A question's score is the share
/// <c>exp(-l_right) / sum over endings of exp(-l)</c>, where l is the mean loss of an ending's tokens in nats; the score is their mean, 0.25 for who knows nothing. Endings compete with each other, so that another manner of
/// writing, which an adapter is there for, moves all of them alike, and only what was forgotten counts.
/// </summary>
internal static class GeneralAbility
{
    private const string Resource = "Personalize.Training.general.jsonl";

    /// <summary>Compares an adapter with the base.</summary>
    public static GeneralChange Compare(AdapterEvaluator evaluator, ITokenizer tokenizer, LoraAdapter adapter, GateOptions options, CancellationToken cancellationToken)
    {
        var questions = Read(tokenizer);
        var before = Score(evaluator, questions, adapter: null, cancellationToken);
        var after = Score(evaluator, questions, adapter, cancellationToken);
        var least = double.IsFinite(after.TotalNll) && double.IsFinite(before.TotalNll) ? PairedBootstrap.Compare(before, after, options.Seed, options.Draws).Low / (1 - before.MeanNll) : double.NaN;
        return new GeneralChange(1 - before.MeanNll, 1 - after.MeanNll, least);
    }

    private static List<List<TrainingExample>> Read(ITokenizer tokenizer)
    {
        var questions = new List<List<TrainingExample>>();
        using var reader = new StreamReader(typeof(GeneralAbility).Assembly.GetManifestResourceStream(Resource)!);
        int[] start = tokenizer is { PrependsBeginningOfText: true, BeginningOfText: { } token } ? [token] : [];
        while (reader.ReadLine() is { } line)
        {
            using var json = JsonDocument.Parse(line);
            int[] beginning = [.. start, .. tokenizer.Encode(json.RootElement.GetProperty("text"u8).GetString()!, parseSpecialTokens: false)];
            questions.Add(
            [
                .. json.RootElement.GetProperty("choices"u8).EnumerateArray()
                    .Select(choice => new TrainingExample([.. beginning, .. tokenizer.Encode(choice.GetString()!, parseSpecialTokens: false)], beginning.Length)),
            ]);
        }

        return questions;
    }

    /// <summary>One entry a question, its loss being what is missing to a full score.</summary>
    private static EvaluationResult Score(AdapterEvaluator evaluator, List<List<TrainingExample>> questions, LoraAdapter? adapter, CancellationToken cancellationToken)
    {
        var losses = evaluator.Evaluate([.. questions.SelectMany(question => question)], adapter, cancellationToken).Examples;
        var scores = new List<ExampleLoss>(questions.Count);
        var first = 0;
        foreach (var question in questions)
        {
            var weights = losses.Skip(first).Take(question.Count).Select(loss => Math.Exp(-loss.Nll / Math.Max(1, loss.Tokens))).ToList();
            scores.Add(new ExampleLoss(1 - (weights[0] / weights.Sum()), 1));
            first += question.Count;
        }

        return new EvaluationResult(scores);
    }
}
