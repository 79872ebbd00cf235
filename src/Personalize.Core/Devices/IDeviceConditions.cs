namespace Personalize.Core.Devices;

/// <summary>Says whether the device may work now. An application that knows more than the system does, as on a phone, supplies its own.</summary>
public interface IDeviceConditions
{
    /// <summary>Reads all conditions now. Called from any thread, several times a second while work goes on, so it must be quick; it never throws.</summary>
    /// <param name="isWorking">Whether work is going on: what lets it go on is less than what lets it begin, so that it does not stop and start in turns.</param>
    /// <returns>What is known; what is not known counts as no.</returns>
    DeviceReadings Read(bool isWorking);
}
