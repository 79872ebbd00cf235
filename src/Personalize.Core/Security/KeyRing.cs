using System.Security.Cryptography;

namespace Personalize.Core.Security;

/// <summary>
/// The epoch keys of a profile. The first seals; the others only open, until a rotation that is under way has sealed everything anew and drops them. Shared by all boxes of an open profile, so that they follow a rotation; each holder
/// disposes it once, and the last one clears the keys. Safe to share between threads.
/// </summary>
internal sealed class KeyRing : IDisposable
{
    /// <summary>More than one key stands in the ring only while a rotation is under way or was cut short.</summary>
    public const int MaximumKeys = 16;

    private readonly Lock _gate = new();
    private ProfileKey[] _keys;
    private int _holders = 1;
    private int _version;

    /// <summary>Takes ownership of the keys.</summary>
    public KeyRing(ProfileKey[] keys, long generation) => (_keys, Generation) = (keys, generation);

    /// <summary>Rises whenever the ring is written. The anchor holds it, so that an old ring is noticed.</summary>
    public long Generation { get; private set; }

    /// <summary>Rises with every change in memory.</summary>
    public int Version => Volatile.Read(ref _version);

    public int Count => _keys.Length;

    /// <summary>The public id of the key that seals.</summary>
    public byte[] PrimaryId => _keys[0].Id;

    /// <summary>Another holder of the same ring.</summary>
    public KeyRing Share()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_holders == 0, this);
            _holders++;
            return this;
        }
    }

    /// <summary>A copy of each key, the one that seals first, owned by the caller.</summary>
    public ProfileKey[] CopyKeys()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_holders == 0, this);
            return [.. _keys.Select(key => key.Copy())];
        }
    }

    /// <summary>Puts other keys in place of these and clears these. Takes ownership.</summary>
    public void Replace(ProfileKey[] keys, long generation)
    {
        lock (_gate)
        {
            Clear();
            (_keys, Generation) = (keys, generation);
            Interlocked.Increment(ref _version);
        }
    }

    /// <summary>The sub-key of one purpose of the key of some id; false where the ring does not hold it.</summary>
    public bool TryDerive(ReadOnlySpan<byte> id, KeyPurpose purpose, Span<byte> subKey)
    {
        lock (_gate)
        {
            // A cleared key must never seal anything.
            ObjectDisposedException.ThrowIf(_holders == 0, this);
            foreach (var key in _keys)
            {
                if (id.SequenceEqual(key.Id))
                {
                    key.Derive(purpose, subKey);
                    return true;
                }
            }

            return false;
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            if (_holders > 0 && --_holders == 0)
            {
                Clear();
            }
        }
    }

    private void Clear()
    {
        foreach (var key in _keys)
        {
            key.Dispose();
        }
    }
}
