using Personalize.Core.Errors;

namespace Personalize.Training.Data;

/// <summary>Rows in time order divided into what trains, a gap that neither trains nor tests, and later rows that test.</summary>
/// <param name="TrainCount">Rows <c>0 .. TrainCount - 1</c> train.</param>
/// <param name="GapCount">The rows after them are left out, so that the test is not about the same piece of work.</param>
/// <param name="TestCount">The rows after the gap test.</param>
public sealed record ChronologicalSplit(int TrainCount, int GapCount, int TestCount)
{
    private const int ProtocolTrainCount = 300;
    private const int ProtocolGapCount = 30;
    private const int ProtocolTestCount = 100;
    private const int SmallTrainPercent = 70;
    private const int SmallGapPercent = 7;

    /// <summary>The fewest rows that leave one to train on and one to test with.</summary>
    public const int MinimumCount = 2;

    /// <summary>The most rows the protocol uses.</summary>
    public const int ProtocolCount = ProtocolTrainCount + ProtocolGapCount + ProtocolTestCount;

    /// <summary>The first row that tests.</summary>
    public int TestStart => TrainCount + GapCount;

    /// <summary>The personalization protocol: 300, 30 and 100 rows; with fewer than 430 rows in the ratio 70 : 7 : 23, the remainder of the division going to the test.</summary>
    /// <param name="count">How many rows there are; those past the 430th are not used.</param>
    /// <exception cref="InsufficientDataException">There are fewer than <see cref="MinimumCount"/> rows.</exception>
    public static ChronologicalSplit Protocol(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        if (count < MinimumCount)
        {
            throw new InsufficientDataException(count, MinimumCount);
        }

        if (count >= ProtocolCount)
        {
            return new ChronologicalSplit(ProtocolTrainCount, ProtocolGapCount, ProtocolTestCount);
        }

        var train = count * SmallTrainPercent / 100;
        var gap = count * SmallGapPercent / 100;
        return new ChronologicalSplit(train, gap, count - train - gap);
    }
}
