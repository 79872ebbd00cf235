namespace Personalize.Core.Errors;

/// <summary>The device's conditions do not allow work: one is not known, or did not come about in time.</summary>
public sealed class DeviceConditionsException : PersonalizeException
{
    /// <summary>Carries what stands in the way.</summary>
    /// <param name="obstacles">The conditions that do not hold and why.</param>
    /// <param name="remedy">What to do.</param>
    public DeviceConditionsException(string obstacles, string remedy)
        : base($"{obstacles}: {remedy}") => Obstacles = obstacles;

    /// <summary>The conditions that do not hold and why.</summary>
    public string Obstacles { get; }
}
