using Personalize.Cli.Diagnostics;
using Personalize.Training;
using Personalize.Training.Jobs;

namespace Personalize.Cli.Commands;

/// <summary>All that a demo has to tell.</summary>
/// <param name="Model">The name of the model.</param>
/// <param name="Recipe">What it was trained by.</param>
/// <param name="Interactions">How many messages were stored.</param>
/// <param name="AdapterId">The adapter's id in the profile.</param>
/// <param name="Result">What training and the gate found.</param>
/// <param name="Samples">Texts before and after.</param>
/// <param name="Seal">What lies in the profile.</param>
/// <param name="KeptIn">The folder of the profile where it was kept, else null.</param>
internal sealed record DemoReport(string Model, LoraRecipe Recipe, int Interactions, string AdapterId, PersonalizationResult Result, IReadOnlyList<DemoSample> Samples, SealCheck Seal, string? KeptIn);
