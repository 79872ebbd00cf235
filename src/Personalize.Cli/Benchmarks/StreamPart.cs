using System.Runtime.InteropServices;
using Personalize.Inference.Scoring;

namespace Personalize.Cli.Benchmarks;

/// <summary>One stretch of a stream.</summary>
/// <param name="From">Its first scored token, counted from 0.</param>
/// <param name="Score">The losses.</param>
/// <param name="TokensPerSecond">Tokens fed and scored a second.</param>
/// <param name="ResidentBytes">What the process holds at its end.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct StreamPart(int From, SequenceScore Score, double TokensPerSecond, long ResidentBytes);
