namespace Personalize.Core.Devices;

/// <summary>The sensors of a system. Never throws; safe to call from any thread.</summary>
internal interface ISensors
{
    SensorValues Read();
}
