namespace Personalize.Core.Devices;

/// <summary>What has to hold before a device may work for the person unasked.</summary>
public enum DeviceCondition
{
    /// <summary>The device runs on mains.</summary>
    Charging,

    /// <summary>The person is away and nothing else computes.</summary>
    Idle,

    /// <summary>The device is not hot.</summary>
    Cool,

    /// <summary>The battery, where there is one, is well filled.</summary>
    Battery,

    /// <summary>There is memory to work in.</summary>
    Memory,
}
