using System.Runtime.InteropServices;

namespace Personalize.Training.Evaluation;

/// <summary>The loss of one example.</summary>
/// <param name="Nll">The sum over its loss tokens, in nats.</param>
/// <param name="Tokens">How many of its tokens carry loss.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct ExampleLoss(double Nll, int Tokens);
