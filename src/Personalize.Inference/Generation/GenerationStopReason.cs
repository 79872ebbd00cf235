namespace Personalize.Inference.Generation;

/// <summary>Why a text ended.</summary>
public enum GenerationStopReason
{
    /// <summary>The consumer stopped listening, cancelled, or an error ended it.</summary>
    Interrupted,

    /// <summary>The model chose one of the stop tokens, such as the end of its turn.</summary>
    StopToken,

    /// <summary>The text came to hold one of the stop strings.</summary>
    StopString,

    /// <summary>As many tokens as were asked for.</summary>
    MaxTokens,

    /// <summary>The context is full.</summary>
    ContextFull,
}
