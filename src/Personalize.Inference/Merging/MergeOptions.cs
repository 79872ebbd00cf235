using Personalize.Core.Models;

namespace Personalize.Inference.Merging;

/// <summary>What a merge has to keep and what it may cost. Read when the merge begins.</summary>
public sealed class MergeOptions
{
    /// <summary>The share of the adapter's gain that the merged weights must keep on the judging text, from 0 to 1.</summary>
    public double GainToKeep { get; init; } = 0.95;

    /// <summary>How often the judging text may be evaluated while the types are chosen, at least 2; each time is a forward pass over all of it.</summary>
    public int MostEvaluations { get; init; } = 9;

    /// <summary>
    /// The largest mean divergence from exact arithmetic that the merged weights may have in an engine that rounds the inputs of quantized maps to 8 bits, as other engines do; the default is what the engine's own served path is held to.
    /// Where it is above, tensors are stored in half precision, whose inputs such engines do not round. <see cref="double.PositiveInfinity"/> lets the file be as small as the gain allows.
    /// </summary>
    public double MostEightBitKl { get; init; } = 2e-3;

    /// <summary>How many bytes that may add, as a share of what the adapted tensors take in the base.</summary>
    public double MostEightBitGrowth { get; init; } = 0.25;

    /// <summary>The arithmetic of the evaluations: what is served, or the single precision of the gate's figures.</summary>
    public ArithmeticPrecision Precision { get; init; } = ArithmeticPrecision.Served;

    /// <summary>How many tokens of the calibration text are used at most.</summary>
    public int MostCalibrationTokens { get; init; } = 4096;

    /// <summary>Maps with larger inputs are rounded without error feedback: its cost grows with the cube of this size, its memory with the square.</summary>
    public int LargestFeedbackInput { get; init; } = 4096;

    /// <summary>How many bytes the statistics of inputs may take at a time; fewer mean more passes over the calibration text, never less than one layer's.</summary>
    public long StatisticsBytes { get; init; } = 512L << 20;

    internal static void Validate(MergeOptions options)
    {
        if (options.GainToKeep is not (>= 0 and <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(options), options.GainToKeep, "the share to keep is from 0 to 1");
        }

        if (!(options.MostEightBitKl >= 0))
        {
            throw new ArgumentOutOfRangeException(nameof(options), options.MostEightBitKl, "a divergence is from 0 on");
        }

        if (!(options.MostEightBitGrowth >= 0))
        {
            throw new ArgumentOutOfRangeException(nameof(options), options.MostEightBitGrowth, "growth is from 0 on");
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(options.MostEvaluations, 2, nameof(options));
        ArgumentOutOfRangeException.ThrowIfNegative(options.MostCalibrationTokens, nameof(options));
        ArgumentOutOfRangeException.ThrowIfNegative(options.LargestFeedbackInput, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.LargestFeedbackInput, 1 << 15, nameof(options));
        ArgumentOutOfRangeException.ThrowIfNegative(options.StatisticsBytes, nameof(options));
    }
}
