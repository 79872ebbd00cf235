using Personalize.Core.Errors;

namespace Personalize.Inference.Speculation;

/// <summary>A draft model does not have the vocabulary of the model it is to draft for, so its tokens mean something else.</summary>
public sealed class DraftVocabularyException : PersonalizeException
{
    /// <summary>Carries what differs.</summary>
    /// <param name="draftSize">How many tokens the draft model has.</param>
    /// <param name="modelSize">How many tokens the model has.</param>
    /// <param name="firstDifference">The first token that differs, or -1 where the sizes do.</param>
    public DraftVocabularyException(int draftSize, int modelSize, int firstDifference)
        : base(firstDifference < 0
            ? $"the draft model has {draftSize} tokens, the model {modelSize}: use a draft model of the same family"
            : $"token {firstDifference} of the draft model is another than the model's: use a draft model of the same family")
    {
        DraftSize = draftSize;
        ModelSize = modelSize;
        FirstDifference = firstDifference;
    }

    /// <summary>How many tokens the draft model has.</summary>
    public int DraftSize { get; }

    /// <summary>How many tokens the model has.</summary>
    public int ModelSize { get; }

    /// <summary>The first token that differs, or -1 where the sizes do.</summary>
    public int FirstDifference { get; }
}
