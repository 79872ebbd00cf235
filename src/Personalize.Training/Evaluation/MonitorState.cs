using System.Runtime.InteropServices;

namespace Personalize.Training.Evaluation;

/// <summary>What a <see cref="TrainingMonitor"/> knows between steps.</summary>
/// <param name="BestLoss">The lowest mean loss measured, in nats a token; infinity before the first.</param>
/// <param name="BestStep">After how many steps it was measured.</param>
/// <param name="Waited">How many measurements since were not lower.</param>
/// <param name="MeasuredStep">After how many steps the latest measurement was taken; 0 before the first. A measurement that was cut off is thereby taken again.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct MonitorState(double BestLoss, int BestStep, int Waited, int MeasuredStep);
