namespace Personalize.Core.Errors;

/// <summary>A figure of a privacy guarantee is out of range, where no guarantee would be left or none could be computed.</summary>
public sealed class PrivacyParameterException : PersonalizeException
{
    /// <summary>Names the figure and what it must be.</summary>
    /// <param name="parameter">The figure: epsilon, delta, samplingRate, noiseMultiplier or steps.</param>
    /// <param name="requirement">What it must be.</param>
    public PrivacyParameterException(string parameter, string requirement)
        : base($"privacy: {parameter} {requirement}")
    {
        Parameter = parameter;
        Requirement = requirement;
    }

    /// <summary>The figure's name.</summary>
    public string Parameter { get; }

    /// <summary>What it must be.</summary>
    public string Requirement { get; }
}
