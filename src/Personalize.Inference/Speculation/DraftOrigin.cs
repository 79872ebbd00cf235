namespace Personalize.Inference.Speculation;

/// <summary>Where a draft came from; how far it can be trusted is learned for each apart.</summary>
public enum DraftOrigin
{
    /// <summary>A smaller model.</summary>
    Model,

    /// <summary>The prompt or what was generated so far.</summary>
    Text,

    /// <summary>What the person wrote before.</summary>
    History,

    /// <summary>What the verifying model itself said at places that it had been led to by wrong guesses.</summary>
    Refinement,
}
