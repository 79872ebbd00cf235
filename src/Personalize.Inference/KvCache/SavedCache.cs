using Personalize.Core.Kernels;

namespace Personalize.Inference.KvCache;

/// <summary>What a saved cache looks like.</summary>
/// <param name="Precision">The format of keys and values.</param>
/// <param name="SinkTokenCount">How many of the first tokens are kept for ever.</param>
/// <param name="WindowSize">How many of the last tokens a token attends to.</param>
/// <param name="Capacity">How many slots there are.</param>
/// <param name="PositionsPerBlock">How many positions of a head's keys are interleaved.</param>
/// <param name="LayerCount">Layers.</param>
/// <param name="KeyValueHeadCount">Heads of a layer.</param>
/// <param name="HeadDimension">The size of a head.</param>
/// <param name="Oldest">The oldest token behind the sinks that was not overwritten; 0 where none was.</param>
/// <param name="Slots">How many slots of each head are saved.</param>
internal readonly record struct SavedCache(
    KeyValuePrecision Precision, int SinkTokenCount, int WindowSize, int Capacity, int PositionsPerBlock, int LayerCount, int KeyValueHeadCount, int HeadDimension, int Oldest, int Slots)
{
    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    public static SavedCache Read(BinaryReader reader) => new(
        (KeyValuePrecision)reader.ReadInt32(),
        reader.ReadInt32(),
        reader.ReadInt32(),
        reader.ReadInt32(),
        reader.ReadInt32(),
        reader.ReadInt32(),
        reader.ReadInt32(),
        reader.ReadInt32(),
        reader.ReadInt32(),
        reader.ReadInt32());

    /// <summary>Writes the ten numbers, little-endian.</summary>
    public void Write(BinaryWriter writer)
    {
        foreach (var value in (ReadOnlySpan<int>)[(int)Precision, SinkTokenCount, WindowSize, Capacity, PositionsPerBlock, LayerCount, KeyValueHeadCount, HeadDimension, Oldest, Slots])
        {
            writer.Write(value);
        }
    }
}
