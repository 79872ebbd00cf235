using Personalize.Core.Errors;
using Personalize.Core.Tokenization.Templates;
using Personalize.Training.Pretraining;

namespace Personalize.Training.Tests.Pretraining;

public sealed class DialogueTests
{
    [Fact]
    public void Turns_lists_and_blank_lines()
    {
        var dialogues = DialogueText.Parse("U: A table, please.\nA: Which kind?\n1. Round\n2. Square\nU: Round.\r\n\n\nU: Hi\nA:\n", "test");
        Assert.Equal(2, dialogues.Count);
        Assert.Equal([new PromptMessage("user", "A table, please."), new PromptMessage("assistant", "Which kind?\n1. Round\n2. Square"), new PromptMessage("user", "Round.")], dialogues[0]);
        Assert.Equal([new PromptMessage("user", "Hi"), new PromptMessage("assistant", "")], dialogues[1]);
        Assert.Empty(DialogueText.Parse("\n\n", "test"));
    }

    [Fact]
    public void A_line_before_any_turn_is_refused_with_its_number()
    {
        var error = Assert.Throws<CorpusFormatException>(() => DialogueText.Parse("U: Hi\n\nsecret words\nA: Hello", "talks.txt"));
        Assert.Equal(3, error.Line);
        Assert.Equal("talks.txt", error.Location);
        Assert.DoesNotContain("secret", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Will it RAIN tomorrow?", true)]
    [InlineData("rain", true)]
    [InlineData("A train at nine.", false)]
    [InlineData("rainbow", false)]
    [InlineData("sun,rain,sun", true)]
    [InlineData("", false)]
    public void Whole_words_leave_out(string text, bool matches) =>
        Assert.Equal(matches, new DialogueFilter(["rain", "hair"]).Matches([new PromptMessage("user", "Hello"), new PromptMessage("assistant", text)]));
}
