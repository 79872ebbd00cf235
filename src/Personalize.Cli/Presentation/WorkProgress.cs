namespace Personalize.Cli.Presentation;

/// <summary>How far some long work is.</summary>
/// <param name="Fraction">From 0 to 1.</param>
/// <param name="Detail">A figure of interest, such as the loss.</param>
internal readonly record struct WorkProgress(double Fraction, string Detail);
