namespace Personalize.Hosting.Tests.Overnight;

/// <summary>Ends a slice as a power cut does: nothing that runs gets to tidy up.</summary>
internal sealed class PowerCutException : Exception;
