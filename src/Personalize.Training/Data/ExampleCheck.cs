namespace Personalize.Training.Data;

/// <summary>What every example goes through before its ids index the model's tables.</summary>
internal static class ExampleCheck
{
    /// <summary>Cuts the examples and checks that the model knows their tokens.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An id is no token of the model: the examples were made with another tokenizer.</exception>
    public static List<TrainingExample> Prepare(IReadOnlyList<TrainingExample> examples, int vocabularySize, int maximumLength)
    {
        var prepared = new List<TrainingExample>(examples.Count);
        foreach (var example in examples)
        {
            var cut = example.Truncate(maximumLength);
            foreach (var id in cut.Ids)
            {
                ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(id, vocabularySize, nameof(examples));
            }

            prepared.Add(cut);
        }

        return prepared;
    }
}
