using System.Numerics;

namespace Personalize.Inference.Speculation;

/// <summary>How probable it is that a drafted token is right, given that those before it are: counted for each kind of evidence, recent tokens weighing more.</summary>
internal sealed class AcceptanceEstimates
{
    private const int LengthClasses = 7;
    private const int ShareClasses = 5;

    // Nothing known of how often the token came; it came at the only place; and by its share of several places.
    private const int SupportClasses = 2 + ShareClasses;
    private const int KindsPerOrigin = LengthClasses * SupportClasses;
    private const double Decay = 0.98;
    private const double AssumedTrials = 6;
    private static readonly double[] Assumed = [.. Enumerable.Range(0, KindCount).Select(AssumedOf)];
    private readonly double[] _tested = new double[KindCount];
    private readonly double[] _accepted = new double[KindCount];

    /// <summary>How many kinds there are.</summary>
    public static int KindCount => 4 * KindsPerOrigin;

    /// <summary>The kind of a drafted token.</summary>
    /// <param name="origin">Where the draft came from.</param>
    /// <param name="matchLength">How many tokens before it agree with the place that it was copied from, drafted ones included.</param>
    /// <param name="agreeing">At how many of the places it came next; 0 where that is not known.</param>
    /// <param name="places">At how many places the tokens before it stood.</param>
    public static int KindOf(DraftOrigin origin, int matchLength, int agreeing, int places)
    {
        // By the match's length: none, 1, 2-3, 4-7, 8-15, 16-31, 32 and more.
        var length = Math.Min(LengthClasses - 1, matchLength == 0 ? 0 : 1 + BitOperations.Log2((uint)matchLength));
        var support = agreeing == 0 ? 0 : places == 1 ? 1 : 2 + Math.Min(ShareClasses - 1, ShareClasses * agreeing / places);
        return ((int)origin * KindsPerOrigin) + (length * SupportClasses) + support;
    }

    /// <summary>The probability for a kind.</summary>
    public double Of(int kind) => (_accepted[kind] + (AssumedTrials * Assumed[kind])) / (_tested[kind] + AssumedTrials);

    /// <summary>Forgets what was counted.</summary>
    public void Clear()
    {
        Array.Clear(_tested);
        Array.Clear(_accepted);
    }

    /// <summary>Counts a token that was verified after right ones.</summary>
    /// <param name="kind">Its kind.</param>
    /// <param name="isRight">Whether it was right.</param>
    public void Record(int kind, bool isRight)
    {
        _tested[kind] = (_tested[kind] * Decay) + 1;
        _accepted[kind] = (_accepted[kind] * Decay) + (isRight ? 1 : 0);
    }

    // About what three people's greedy texts showed; a token's own record soon weighs more.
    private static double AssumedOf(int kind)
    {
        ReadOnlySpan<double> copied = [0.6, 0.2, 0.7, 0.84, 0.9, 0.94, 0.95];
        ReadOnlySpan<double> once = [0, 0.1, 0.25, 0.4, 0.75, 0.85, 0.9];
        ReadOnlySpan<double> ofShare = [0, 0.6, 0.8, 0.9, 0.98, 1, 1];
        var origin = (DraftOrigin)(kind / KindsPerOrigin);
        var (length, support) = Math.DivRem(kind % KindsPerOrigin, SupportClasses);
        return origin is DraftOrigin.Model or DraftOrigin.Refinement ? copied[0] : support switch
        {
            0 => copied[length],
            1 => once[length],
            _ => Math.Clamp(ofShare[length] * (support - 1.5) / ShareClasses, 0.02, 0.97),
        };
    }
}
