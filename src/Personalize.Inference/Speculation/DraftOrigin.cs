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
}
