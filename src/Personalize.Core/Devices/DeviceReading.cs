namespace Personalize.Core.Devices;

/// <summary>Whether a condition holds, as far as the device says. Immutable.</summary>
/// <param name="Holds">Null where it is not known, which counts as no.</param>
/// <param name="Reason">Why, for a person to read: figures and names of sensors, nothing else.</param>
public sealed record DeviceReading(bool? Holds, string Reason)
{
    /// <summary>Whether it is known to hold.</summary>
    public bool IsMet => Holds == true;

    /// <summary>It holds.</summary>
    /// <param name="reason">Why.</param>
    public static DeviceReading Yes(string reason) => new(true, reason);

    /// <summary>It does not hold.</summary>
    /// <param name="reason">Why.</param>
    public static DeviceReading No(string reason) => new(false, reason);

    /// <summary>The device does not say.</summary>
    /// <param name="reason">What is missing.</param>
    public static DeviceReading Unknown(string reason) => new(null, reason);
}
