using Personalize.Core.Errors;
using Personalize.Core.Tokenization;
using Personalize.Core.Tokenization.Templates;

namespace Personalize.Training.Pretraining;

/// <summary>How our own models read a conversation: one mark before a turn and one after it, nothing else, so that a small context holds much text. A system message is read as a user's turn.</summary>
internal static class DialogueFormat
{
    public const string UserMark = "<|user|>";
    public const string AssistantMark = "<|assistant|>";
    public const string EndMark = "<|end|>";

    public const string Template =
        "{% for message in messages %}{% if message['role'] == 'assistant' %}" + AssistantMark + "{% else %}" + UserMark + "{% endif %}{{ message['content'] }}" + EndMark
        + "{% endfor %}{% if add_generation_prompt %}" + AssistantMark + "{% endif %}";

    /// <summary>Trains the vocabulary on the turns' text.</summary>
    /// <exception cref="RecipeException">The text is too small for so large a vocabulary.</exception>
    public static TokenizerDefinition TrainTokenizer(IEnumerable<IReadOnlyList<PromptMessage>> dialogues, int vocabularySize, string preTokenizer)
    {
        var trained = BytePairTrainer.Train(dialogues.SelectMany(dialogue => dialogue).Select(turn => turn.Content), vocabularySize, preTokenizer, [UserMark, AssistantMark, EndMark]);
        if (trained.Tokens.Count != vocabularySize)
        {
            throw new RecipeException("tokenizer.vocabularySize", $"must be at most {trained.Tokens.Count} for this text");
        }

        return new TokenizerDefinition
        {
            Model = trained.Model,
            PreTokenizer = trained.PreTokenizer,
            Tokens = trained.Tokens,
            Merges = trained.Merges,
            TokenTypes = trained.TokenTypes,
            BeginningOfText = vocabularySize - 3,
            EndOfText = vocabularySize - 1,
            EndOfTurn = vocabularySize - 1,
        };
    }

    public static ChatFormat Create(TokenizerDefinition definition, TimeProvider time) => new(new BytePairTokenizer(definition), ChatTemplate.Parse(Template, time));
}
