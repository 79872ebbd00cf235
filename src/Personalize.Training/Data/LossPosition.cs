using System.Runtime.InteropServices;

namespace Personalize.Training.Data;

/// <summary>A packed row whose hidden state has to predict a token.</summary>
/// <param name="Row">The packed row, one before the target's.</param>
/// <param name="Target">The id to predict.</param>
/// <param name="Example">Which example of the batch it belongs to.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct LossPosition(int Row, int Target, int Example);
