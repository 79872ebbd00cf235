namespace Personalize.Training.Checkpoints;

/// <summary>Where the checkpoints of one run lie, each under the number of steps taken before it. Used by one run at a time.</summary>
public interface ICheckpointStorage
{
    /// <summary>The checkpoints that are there, by rising step.</summary>
    IReadOnlyList<int> Steps { get; }

    /// <summary>What to call a checkpoint in an error, such as its path.</summary>
    /// <param name="step">Its step.</param>
    /// <returns>A name without any of the person's text.</returns>
    string Locate(int step);

    /// <summary>Writes a checkpoint in one step: whatever happens, it is there whole or not at all. When this returns it is durable.</summary>
    /// <param name="step">Its step.</param>
    /// <param name="write">Writes the content and leaves the stream open.</param>
    void Write(int step, Action<Stream> write);

    /// <summary>Opens a checkpoint.</summary>
    /// <param name="step">Its step.</param>
    /// <returns>The content from its beginning, owned by the caller.</returns>
    Stream OpenRead(int step);

    /// <summary>Deletes a checkpoint for good.</summary>
    /// <param name="step">Its step; nothing happens where there is none.</param>
    void Delete(int step);
}
