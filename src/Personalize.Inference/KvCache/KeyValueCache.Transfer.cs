using Personalize.Core.Kernels;

namespace Personalize.Inference.KvCache;

/// <summary>Keys and values carried over from another cache or through a stream, as the bytes that they are.</summary>
public sealed unsafe partial class KeyValueCache
{
    // Old tokens lie in other slots than those of their positions only where some were overwritten.
    private bool IsInOrder => _oldest <= _layout.SinkTokenCount;

    /// <summary>Whether the first tokens of another cache of the same model mean the same here.</summary>
    /// <param name="source">The other cache.</param>
    /// <param name="count">How many tokens it is to have stored.</param>
    internal bool CanTakeFrom(KeyValueCache source, int count) =>
        Precision == source.Precision && source.CanReturnTo(count) && CanTake(source._layout, source._oldest, count);

    /// <summary>Copies the first tokens of another cache, of which <see cref="CanTakeFrom"/> said that it can be.</summary>
    internal void TakeFrom(KeyValueCache source, int count)
    {
        var slots = source.UsedSlots(count);
        ForEachHead((keys, values, head, layer) =>
        {
            source.Head(layer, head, slots, out var sourceKeys, out var sourceValues);
            new ReadOnlySpan<byte>(sourceKeys, SizeOfKeys(slots)).CopyTo(new Span<byte>((void*)keys, SizeOfKeys(slots)));
            new ReadOnlySpan<byte>(sourceValues, SizeOfValues(slots)).CopyTo(new Span<byte>((void*)values, SizeOfValues(slots)));
        });
        _oldest = source.IsInOrder ? 0 : source._oldest;
    }

    /// <summary>What a stream has to say of the cache so that another can take it over.</summary>
    internal SavedCache Describe(int count) => new(
        Precision,
        _layout.SinkTokenCount,
        _layout.WindowSize,
        _layout.Capacity,
        CachedAttention.PositionsPerBlock,
        _description.LayerCount,
        _description.KeyValueHeadCount,
        _description.HeadDimension,
        IsInOrder ? 0 : _oldest,
        UsedSlots(count));

    /// <summary>Whether what was described means the same in this cache.</summary>
    internal bool CanTake(SavedCache saved, int count) =>
        saved.Precision == Precision
        && saved.PositionsPerBlock == CachedAttention.PositionsPerBlock
        && saved.LayerCount == _description.LayerCount
        && saved.KeyValueHeadCount == _description.KeyValueHeadCount
        && saved.HeadDimension == _description.HeadDimension
        && CanTake(saved.SinkTokenCount, saved.WindowSize, saved.Capacity, saved.Oldest, count)
        && saved.Slots >= Math.Min(count, _layout.Capacity)
        && saved.Slots <= _layout.Capacity;

    /// <summary>Writes the slots that hold the first tokens: for each layer and head its keys, then its values.</summary>
    internal void Write(Stream stream, int count)
    {
        var slots = UsedSlots(count);
        ForEachHead((keys, values, _, _) =>
        {
            stream.Write(new ReadOnlySpan<byte>((void*)keys, SizeOfKeys(slots)));
            stream.Write(new ReadOnlySpan<byte>((void*)values, SizeOfValues(slots)));
        });
    }

    /// <summary>Reads what <see cref="Write"/> wrote of a cache that was described so.</summary>
    /// <exception cref="EndOfStreamException">The stream ends before.</exception>
    internal void Read(Stream stream, SavedCache saved)
    {
        ForEachHead((keys, values, _, _) =>
        {
            stream.ReadExactly(new Span<byte>((void*)keys, SizeOfKeys(saved.Slots)));
            stream.ReadExactly(new Span<byte>((void*)values, SizeOfValues(saved.Slots)));
        });
        _oldest = saved.Oldest;
    }

    private bool CanTake(in CacheLayout layout, int oldest, int count) => CanTake(layout.SinkTokenCount, layout.WindowSize, layout.Capacity, oldest, count);

    // As long as every token saw all before it and none was overwritten, all layouts hold the same in the same slots.
    private bool CanTake(int sinks, int window, int capacity, int oldest, int count) =>
        (sinks == _layout.SinkTokenCount && window == _layout.WindowSize && capacity == _layout.Capacity)
        || (oldest <= sinks && count <= Math.Min(sinks + window, _layout.VisibleTokens));

    // Whole groups, since keys of neighbouring positions are interleaved.
    private int UsedSlots(int count) => IsInOrder
        ? Math.Min(_layout.Capacity, (count + CachedAttention.CapacityAlignment - 1) / CachedAttention.CapacityAlignment * CachedAttention.CapacityAlignment)
        : _layout.Capacity;

    private int SizeOfKeys(int slots) => checked((int)(_keyBytesOfHead / _layout.Capacity * slots));

    private int SizeOfValues(int slots) => checked((int)(_valueBytesOfHead / _layout.Capacity * slots));

    private void Head(int layer, int head, int slots, out byte* keys, out byte* values)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(slots, _layout.Capacity);
        keys = Keys(layer) + (head * _keyBytesOfHead);
        values = Values(layer) + (head * _valueBytesOfHead);
    }

    private void ForEachHead(Action<nint, nint, int, int> visit)
    {
        for (var layer = 0; layer < _description.LayerCount; layer++)
        {
            for (var head = 0; head < _description.KeyValueHeadCount; head++)
            {
                Head(layer, head, 0, out var keys, out var values);
                visit((nint)keys, (nint)values, head, layer);
            }
        }
    }
}
