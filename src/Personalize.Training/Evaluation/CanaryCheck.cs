namespace Personalize.Training.Evaluation;

/// <summary>How well planted secrets were learnt by heart, in bits; of several, the largest (<see cref="CanaryExposure"/>).</summary>
/// <param name="BaseBits">With the base, which never saw them.</param>
/// <param name="AdapterBits">With the adapter, which saw each of them once.</param>
/// <param name="Planted">How many there were.</param>
public sealed record CanaryCheck(double BaseBits, double AdapterBits, int Planted);
