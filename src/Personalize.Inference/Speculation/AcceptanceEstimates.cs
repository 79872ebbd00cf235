using System.Numerics;

namespace Personalize.Inference.Speculation;

/// <summary>How probable it is that a drafted token is right, given that those before it are: counted for each origin and length of match, recent drafts weighing more.</summary>
internal sealed class AcceptanceEstimates
{
    private const int ClassesPerOrigin = 7;
    private const double Decay = 0.93;
    private const double AssumedTrials = 6;

    // By the match's length: none, 1, 2-3, 4-7, 8-15, 16-31, 32 and more.
    private static readonly double[] Assumed = [0.6, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9];
    private readonly double[] _tested = new double[ClassCount];
    private readonly double[] _accepted = new double[ClassCount];

    /// <summary>How many classes there are.</summary>
    public static int ClassCount => 4 * ClassesPerOrigin;

    /// <summary>The class of a draft.</summary>
    public static int ClassOf(DraftOrigin origin, int matchLength) =>
        ((int)origin * ClassesPerOrigin) + Math.Min(ClassesPerOrigin - 1, matchLength == 0 ? 0 : 1 + BitOperations.Log2((uint)matchLength));

    /// <summary>The probability for a class.</summary>
    public double Of(int kind) => (_accepted[kind] + (AssumedTrials * AssumedOf(kind))) / (_tested[kind] + AssumedTrials);

    // A refined guess is the model's own word, not a copy that a long match speaks for.
    private static double AssumedOf(int kind) => Assumed[kind / ClassesPerOrigin == (int)DraftOrigin.Refinement ? 0 : kind % ClassesPerOrigin];

    /// <summary>Forgets what was counted.</summary>
    public void Clear()
    {
        Array.Clear(_tested);
        Array.Clear(_accepted);
    }

    /// <summary>Counts a verified draft.</summary>
    /// <param name="kind">Its class.</param>
    /// <param name="drafted">How many tokens were verified.</param>
    /// <param name="accepted">How many of them were right.</param>
    public void Record(int kind, int drafted, int accepted)
    {
        // What comes after the first wrong token was not tested.
        _tested[kind] = (_tested[kind] * Decay) + Math.Min(drafted, accepted + 1);
        _accepted[kind] = (_accepted[kind] * Decay) + accepted;
    }
}
