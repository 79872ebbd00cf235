using System.Runtime.InteropServices;

namespace Personalize.Training.Evaluation;

/// <summary>What a <see cref="TrainingMonitor"/> knows between steps.</summary>
/// <param name="BestLoss">The lowest mean loss measured, in nats a token; infinity before the first.</param>
/// <param name="BestStep">After how many steps it was measured.</param>
/// <param name="Waited">How many measurements since were not lower.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct MonitorState(double BestLoss, int BestStep, int Waited);
