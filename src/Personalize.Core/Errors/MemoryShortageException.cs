namespace Personalize.Core.Errors;

/// <summary>A model, or a model and a conversation, need more memory than the device has. Nothing was allocated.</summary>
public sealed class MemoryShortageException : PersonalizeException
{
    /// <summary>Carries what is needed and what there is.</summary>
    /// <param name="neededBytes">The least number of bytes that is needed.</param>
    /// <param name="availableBytes">How many there are.</param>
    public MemoryShortageException(long neededBytes, long availableBytes)
        : base($"memory: at least {neededBytes} bytes are needed, {availableBytes} are available; choose a smaller model, a shorter context or half precision for keys and values")
    {
        NeededBytes = neededBytes;
        AvailableBytes = availableBytes;
    }

    /// <summary>The least number of bytes that is needed.</summary>
    public long NeededBytes { get; }

    /// <summary>How many there are.</summary>
    public long AvailableBytes { get; }

    /// <summary>Refuses what does not fit, before it is allocated.</summary>
    /// <param name="neededBytes">The least number of bytes that is needed.</param>
    /// <param name="limitBytes">How many there are; null asks the runtime what the device, or the container, has.</param>
    /// <exception cref="MemoryShortageException">More is needed than there is.</exception>
    public static void ThrowIfAbove(long neededBytes, long? limitBytes = null)
    {
        // Some platforms cannot tell; there the allocation itself has to.
        var available = limitBytes ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        if (available > 0 && neededBytes > available)
        {
            throw new MemoryShortageException(neededBytes, available);
        }
    }
}
