using System.Runtime.InteropServices;

namespace Personalize.Inference.Retrieval;

/// <summary>An interaction that resembles what was asked.</summary>
/// <param name="InteractionId">Its id in the store.</param>
/// <param name="Score">How much; comparable within one search only.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct SimilarInteraction(long InteractionId, double Score);
