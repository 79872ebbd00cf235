namespace Personalize.Core.Errors;

/// <summary>A checkpoint is whole, but belongs to another run than the one that was to go on from it. Nothing was trained.</summary>
public sealed class CheckpointMismatchException : PersonalizeException
{
    private const int ShownLength = 24;

    /// <summary>Carries what differs.</summary>
    /// <param name="mismatch">In what they differ.</param>
    /// <param name="location">The checkpoint or the job.</param>
    /// <param name="expected">What the run has: a fingerprint, a digest or a count, never text.</param>
    /// <param name="actual">What the checkpoint has.</param>
    public CheckpointMismatchException(CheckpointMismatch mismatch, string location, string expected, string actual)
        : base($"{location}: was made {Describe(mismatch)}, {Short(actual)} where the run has {Short(expected)}: go on with what it was made with, or start a new job")
    {
        Mismatch = mismatch;
        Location = location;
        Expected = expected;
        Actual = actual;
    }

    /// <summary>In what they differ.</summary>
    public CheckpointMismatch Mismatch { get; }

    /// <summary>The checkpoint or the job.</summary>
    public string Location { get; }

    /// <summary>What the run has.</summary>
    public string Expected { get; }

    /// <summary>What the checkpoint has.</summary>
    public string Actual { get; }

    private static string Describe(CheckpointMismatch mismatch) => mismatch switch
    {
        CheckpointMismatch.OtherBase => "on another base model",
        CheckpointMismatch.OtherRecipe => "by another recipe",
        CheckpointMismatch.OtherData => "from other examples",
        CheckpointMismatch.OtherArithmetic => "with another arithmetic",
        _ => "for another number of parameters",
    };

    private static string Short(string value) => value.Length > ShownLength ? value[..ShownLength] : value;
}
