using Personalize.Core.Kernels;
using Personalize.Core.Models;

namespace Personalize.Inference.KvCache;

/// <summary>The rotated keys and the values of one conversation, in single precision, in the layout of <see cref="CachedAttention"/>. Not thread-safe.</summary>
public sealed unsafe class KeyValueCache : IDisposable
{
    private readonly DecoderDescription _description;
    private readonly NativeBuffer<float> _keys;
    private readonly NativeBuffer<float> _values;

    /// <summary>Allocates room for all layers.</summary>
    /// <param name="description">The model's sizes.</param>
    /// <param name="positions">How many tokens the cache must hold; rounded up to whole blocks.</param>
    public KeyValueCache(DecoderDescription description, int positions)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(positions);
        _description = description;
        Capacity = (positions + CachedAttention.CapacityAlignment - 1) / CachedAttention.CapacityAlignment * CachedAttention.CapacityAlignment;
        var length = (long)description.LayerCount * description.KeyValueSize * Capacity;
        _keys = new NativeBuffer<float>(length);
        _values = new NativeBuffer<float>(length);
    }

    /// <summary>How many positions there is room for.</summary>
    public int Capacity { get; }

    /// <summary>How many bytes keys and values take.</summary>
    public long ByteLength => _keys.ByteLength + _values.ByteLength;

    /// <summary>The keys of a layer, <c>[keyValueHeads, capacity / 8, headDim, 8]</c>.</summary>
    /// <param name="layer">The layer, counted from 0.</param>
    /// <returns>A pointer valid until disposal.</returns>
    public float* Keys(int layer) => _keys.Pointer + ((long)layer * _description.KeyValueSize * Capacity);

    /// <summary>The values of a layer, <c>[keyValueHeads, capacity, headDim]</c>.</summary>
    /// <param name="layer">The layer, counted from 0.</param>
    /// <returns>A pointer valid until disposal.</returns>
    public float* Values(int layer) => _values.Pointer + ((long)layer * _description.KeyValueSize * Capacity);

    /// <summary>Stores the key and value of one token.</summary>
    /// <param name="layer">The layer, counted from 0.</param>
    /// <param name="position">The token's position.</param>
    /// <param name="key">The rotated key <c>[keyValueHeads, headDim]</c>.</param>
    /// <param name="value">The value <c>[keyValueHeads, headDim]</c>.</param>
    public void Store(int layer, int position, float* key, float* value)
    {
        var size = _description.HeadDimension;
        var keys = Keys(layer) + ((long)position / CachedAttention.PositionsPerBlock * CachedAttention.PositionsPerBlock * size) + (position % CachedAttention.PositionsPerBlock);
        var values = Values(layer) + ((long)position * size);
        for (var head = 0; head < _description.KeyValueHeadCount; head++)
        {
            for (var d = 0; d < size; d++)
            {
                keys[d * CachedAttention.PositionsPerBlock] = key[d];
            }

            new Span<float>(value, size).CopyTo(new Span<float>(values, size));
            key += size;
            value += size;
            keys += (long)Capacity * size;
            values += (long)Capacity * size;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _keys.Dispose();
        _values.Dispose();
    }
}
