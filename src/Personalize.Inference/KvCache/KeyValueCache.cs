using Personalize.Core.Kernels;
using Personalize.Core.Models;

namespace Personalize.Inference.KvCache;

/// <summary>The rotated keys and the values of one conversation in the layout of <see cref="CachedAttention"/>. Not thread-safe.</summary>
/// <remarks>In a bounded cache new tokens overwrite old ones, so only the last tokens can be taken back; the cache knows which.</remarks>
public sealed unsafe partial class KeyValueCache : IDisposable
{
    private readonly DecoderDescription _description;
    private readonly CacheLayout _layout;
    private readonly NativeBuffer<byte> _keys;
    private readonly NativeBuffer<byte> _values;
    private readonly long _keyBytesOfHead;
    private readonly long _valueBytesOfHead;
    private int _oldest;

    /// <summary>Allocates room for all layers.</summary>
    /// <param name="description">The model's sizes.</param>
    /// <param name="layout">How many tokens the cache holds, and which.</param>
    /// <param name="precision">The format of keys and values.</param>
    public KeyValueCache(DecoderDescription description, in CacheLayout layout, KeyValuePrecision precision)
    {
        ArgumentNullException.ThrowIfNull(description);
        _description = description;
        _layout = layout;
        Precision = precision;
        _keyBytesOfHead = CachedAttention.KeyBytes(layout.Capacity, description.HeadDimension, precision);
        _valueBytesOfHead = CachedAttention.ValueBytes(layout.Capacity, description.HeadDimension, precision);
        var heads = (long)description.LayerCount * description.KeyValueHeadCount;
        _keys = new NativeBuffer<byte>(checked(heads * _keyBytesOfHead));
        _values = new NativeBuffer<byte>(checked(heads * _valueBytesOfHead));
    }

    /// <summary>Where the tokens lie.</summary>
    public CacheLayout Layout => _layout;

    /// <summary>The format of keys and values.</summary>
    public KeyValuePrecision Precision { get; }

    /// <summary>How many bytes keys and values take.</summary>
    public long ByteLength => _keys.ByteLength + _values.ByteLength;

    /// <summary>The keys of a layer, <c>[keyValueHeads, capacity / 8, headDim, 8]</c>.</summary>
    /// <param name="layer">The layer, counted from 0.</param>
    /// <returns>A pointer valid until disposal.</returns>
    public byte* Keys(int layer) => _keys.Pointer + ((long)layer * _description.KeyValueHeadCount * _keyBytesOfHead);

    /// <summary>The values of a layer, <c>[keyValueHeads, capacity, headDim]</c>.</summary>
    /// <param name="layer">The layer, counted from 0.</param>
    /// <returns>A pointer valid until disposal.</returns>
    public byte* Values(int layer) => _values.Pointer + ((long)layer * _description.KeyValueHeadCount * _valueBytesOfHead);

    /// <summary>Says that these tokens are about to be stored: what lies in their slots is gone from here on, even if storing them is never finished.</summary>
    /// <param name="position">The position of the first token in the stream.</param>
    /// <param name="count">How many tokens.</param>
    public void Claim(int position, int count)
    {
        // Where the ring is filled anew from its start, nothing of what it held before counts.
        var kept = position <= _layout.SinkTokenCount ? _layout.SinkTokenCount : _oldest;
        _oldest = Math.Max(kept, position + count - _layout.RingSize);
    }

    /// <summary>Whether all that the next token would see is still there if the stream went on from here again.</summary>
    /// <param name="position">A position up to which tokens were stored.</param>
    /// <returns>True where at most the layout's spare tokens are taken back, or so many that only sinks remain.</returns>
    public bool CanReturnTo(int position) => position <= _layout.SinkTokenCount || _layout.OldestVisible(position) >= _oldest;

    /// <summary>Stores the key and value of one token.</summary>
    /// <param name="layer">The layer, counted from 0.</param>
    /// <param name="position">The token's position in the stream, claimed before.</param>
    /// <param name="key">The rotated key <c>[keyValueHeads, headDim]</c>.</param>
    /// <param name="value">The value <c>[keyValueHeads, headDim]</c>.</param>
    public void Store(int layer, int position, float* key, float* value) =>
        CachedAttention.Store(key, value, Keys(layer), Values(layer), position, _layout, Precision, _description.KeyValueHeadCount, _description.HeadDimension);

    /// <inheritdoc/>
    public void Dispose()
    {
        _keys.Dispose();
        _values.Dispose();
    }
}
