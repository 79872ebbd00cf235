using Personalize.Inference.Generation;

namespace Personalize.Inference.Decoding;

/// <summary>What keeps one conversation apart from another, and what they share.</summary>
public sealed unsafe partial class DecoderSession
{
    private int _users;

    /// <inheritdoc/>
    public bool TryTakePrefix(IDecoderSession source, int count)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        if (source is not DecoderSession other || ReferenceEquals(other, this) || !ReferenceEquals(other._model, _model) || !ReferenceEquals(other._adapter, _adapter) || other._precision != _precision)
        {
            return false;
        }

        using var use = BeginUse();
        using var otherUse = other.BeginUse();
        if (count > other.Position || count > ContextLength || !_cache.CanTakeFrom(other._cache, count))
        {
            return false;
        }

        _cache.TakeFrom(other._cache, count);
        Position = count;
        _logitsRow = -1;
        _verifiedTokens = 0;
        return true;
    }

    // One atomic instruction a pass: a second thread is told so, and what the first one computes is not disturbed.
    private Use BeginUse() => Interlocked.CompareExchange(ref _users, 1, 0) == 0
        ? new Use(this)
        : throw new InvalidOperationException("another thread uses this conversation: give each thread a session of its own, or wait");

    private readonly ref struct Use(DecoderSession session)
    {
        public void Dispose() => Volatile.Write(ref session._users, 0);
    }
}
