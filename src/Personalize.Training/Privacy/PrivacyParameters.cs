using Personalize.Core.Errors;

namespace Personalize.Training.Privacy;

/// <summary>The ranges in which the figures of a guarantee mean something. Written so that NaN is outside all of them.</summary>
internal static class PrivacyParameters
{
    public const string EpsilonName = "epsilon";
    public const string DeltaName = "delta";

    /// <summary>Beyond this an epsilon promises nothing, and its exponential comes near the end of the numbers.</summary>
    public const double MaximumEpsilon = 500;

    public const string EpsilonRequirement = "must be above 0 and at most 500";
    public const string DeltaRequirement = "must be above 0 and below 1";

    public static bool IsEpsilon(double epsilon) => epsilon is > 0 and <= MaximumEpsilon;

    public static bool IsDelta(double delta) => delta is > 0 and < 1;

    public static void RequireEpsilon(double epsilon) => Require(IsEpsilon(epsilon), EpsilonName, EpsilonRequirement);

    public static void RequireDelta(double delta) => Require(IsDelta(delta), DeltaName, DeltaRequirement);

    public static void Require(bool holds, string parameter, string requirement)
    {
        if (!holds)
        {
            throw new PrivacyParameterException(parameter, requirement);
        }
    }
}
