namespace Personalize.Inference.Chat.Schemas;

/// <summary>Which bytes a vocabulary has a token for. Immutable; safe to share between threads.</summary>
internal sealed class SpellableBytes
{
    private readonly bool[] _has;

    /// <summary>Takes 256 flags.</summary>
    public SpellableBytes(bool[] has)
    {
        _has = has;
        HaveContinuations = Enumerable.Range(0x80, 0x40).All(value => has[value]);
        HavePrintableAscii = Enumerable.Range(0x20, 0x5F).All(value => has[value]);
    }

    /// <summary>Whether every byte that continues a UTF-8 sequence has one.</summary>
    public bool HaveContinuations { get; }

    /// <summary>Whether every character from space to tilde has one.</summary>
    public bool HavePrintableAscii { get; }

    /// <summary>Whether all of these have one.</summary>
    public bool HaveAll(ReadOnlySpan<byte> bytes)
    {
        foreach (var value in bytes)
        {
            if (!_has[value])
            {
                return false;
            }
        }

        return true;
    }
}
