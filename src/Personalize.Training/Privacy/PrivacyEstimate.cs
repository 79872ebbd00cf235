namespace Personalize.Training.Privacy;

/// <summary>On which side of the truth a discretized privacy loss lies. The pessimistic one is the guarantee; the optimistic one says how much of it is the discretization.</summary>
public enum PrivacyEstimate
{
    /// <summary>At least as much is accounted for as is revealed.</summary>
    Pessimistic,

    /// <summary>At most as much is accounted for as is revealed.</summary>
    Optimistic,
}
