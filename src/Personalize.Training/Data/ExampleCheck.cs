namespace Personalize.Training.Data;

/// <summary>What every example goes through before its ids index the model's tables.</summary>
internal static class ExampleCheck
{
    /// <summary>Cuts the examples and checks that the model knows their tokens.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An id is no token of the model: the examples were made with another tokenizer.</exception>
    public static List<TrainingExample> Prepare(IReadOnlyList<TrainingExample> examples, int vocabularySize, int maximumLength) =>
        [.. examples.Select(example => Prepare(example, vocabularySize, maximumLength))];

    /// <summary>The same for slots, of which empty ones stay empty.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An id is no token of the model.</exception>
    public static List<TrainingExample?> PrepareSlots(IReadOnlyList<TrainingExample?> slots, int vocabularySize, int maximumLength) =>
        [.. slots.Select(example => example is null ? null : Prepare(example, vocabularySize, maximumLength))];

    private static TrainingExample Prepare(TrainingExample example, int vocabularySize, int maximumLength)
    {
        var cut = example.Truncate(maximumLength);
        foreach (var id in cut.Ids)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(id, vocabularySize, nameof(example));
        }

        return cut;
    }
}
