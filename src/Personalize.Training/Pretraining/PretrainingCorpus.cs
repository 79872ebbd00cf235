using Personalize.Core.Tokenization.Templates;

namespace Personalize.Training.Pretraining;

/// <summary>The dialogues of a recipe, before anything is left out.</summary>
/// <param name="Train">To train on.</param>
/// <param name="Dev">To judge by.</param>
public sealed record PretrainingCorpus(IReadOnlyList<IReadOnlyList<PromptMessage>> Train, IReadOnlyList<IReadOnlyList<PromptMessage>> Dev);
