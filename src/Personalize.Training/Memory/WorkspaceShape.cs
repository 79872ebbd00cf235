using System.Runtime.InteropServices;

namespace Personalize.Training.Memory;

/// <summary>What decides the size of a workspace.</summary>
/// <param name="Tokens">The most tokens that are computed together.</param>
/// <param name="Examples">The most examples that are computed together.</param>
/// <param name="LongestExample">The most tokens of one example.</param>
/// <param name="Rank">The adapter's largest rank; 0 without an adapter.</param>
/// <param name="KeptLayers">Of how many layers, counted from the last and at least 1, the activations are kept for the backward; the others are recomputed.</param>
/// <param name="ForBackward">Whether gradients are computed at all.</param>
/// <param name="UsesDora">Whether pairs have magnitudes.</param>
/// <param name="UsesDropout">Whether parts of the pairs' inputs are dropped.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct WorkspaceShape(int Tokens, int Examples, int LongestExample, int Rank, int KeptLayers, bool ForBackward, bool UsesDora = false, bool UsesDropout = false);
