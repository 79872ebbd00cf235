using System.Text;
using System.Text.Json;
using Personalize.Core.Errors;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Tokenization.Templates;

namespace Personalize.Core.Tokenization;

/// <summary>A model's tokenizer and chat template together: conversations to ids, for chatting and for training. Immutable; safe to share between threads.</summary>
public sealed class ChatFormat
{
    private readonly string _beginningOfText;
    private readonly string _endOfText;

    /// <summary>Joins a tokenizer and a template of the same model.</summary>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="template">The chat template.</param>
    public ChatFormat(ITokenizer tokenizer, ChatTemplate template)
    {
        Tokenizer = tokenizer;
        Template = template;
        _beginningOfText = TextOf(tokenizer.BeginningOfText);
        _endOfText = TextOf(tokenizer.EndOfText);
    }

    /// <summary>The tokenizer.</summary>
    public ITokenizer Tokenizer { get; }

    /// <summary>The chat template.</summary>
    public ChatTemplate Template { get; }

    /// <summary>Reads tokenizer and template out of a GGUF file's metadata.</summary>
    /// <param name="metadata">The metadata of a model. Not kept.</param>
    /// <param name="timeProvider">Where templates that write the date take it from.</param>
    /// <returns>The format.</returns>
    /// <exception cref="ModelFormatException">A key is missing, the template among them, or of another type.</exception>
    /// <exception cref="UnsupportedModelException">The tokenizer is of a kind that is not implemented.</exception>
    /// <exception cref="TokenizerException">The tokenizer's parts contradict each other.</exception>
    /// <exception cref="ChatTemplateException">The template is malformed or uses what is not supported.</exception>
    public static ChatFormat Load(GgufMetadata metadata, TimeProvider timeProvider) =>
        new(GgufTokenizer.Load(metadata), ChatTemplate.Parse(metadata.GetString("tokenizer.chat_template"), timeProvider));

    /// <summary>Writes a conversation as the model reads it.</summary>
    /// <param name="messages">The turns, oldest first. All their text is untrusted.</param>
    /// <param name="addGenerationPrompt">Whether the assistant's next turn is opened at the end.</param>
    /// <param name="values">Further variables of the template, such as <c>tools</c>; untrusted. Null for none.</param>
    /// <returns>The text and which of it is untrusted.</returns>
    /// <exception cref="ChatTemplateException">The template refuses the conversation or exceeds a cap.</exception>
    public RenderedPrompt Render(IReadOnlyList<PromptMessage> messages, bool addGenerationPrompt, IReadOnlyDictionary<string, JsonElement>? values = null) =>
        Template.Render(messages, addGenerationPrompt, new TemplateVariables { BeginningOfText = _beginningOfText, EndOfText = _endOfText, Values = values });

    /// <summary>Encodes a conversation. Only the template's own text can become special tokens.</summary>
    /// <param name="messages">The turns, oldest first. All their text is untrusted.</param>
    /// <param name="addGenerationPrompt">Whether the assistant's next turn is opened at the end.</param>
    /// <param name="values">Further variables of the template, such as <c>tools</c>; untrusted. Null for none.</param>
    /// <returns>The ids.</returns>
    /// <exception cref="ChatTemplateException">The template refuses the conversation or exceeds a cap.</exception>
    public int[] EncodePrompt(IReadOnlyList<PromptMessage> messages, bool addGenerationPrompt, IReadOnlyDictionary<string, JsonElement>? values = null) =>
        Tokenizer.Encode(Render(messages, addGenerationPrompt, values));

    /// <summary>Encodes one interaction for training: the context as the user's turn, the reply as the assistant's.</summary>
    /// <param name="context">What the reply answers. Untrusted.</param>
    /// <param name="reply">What the model is to learn to say. Untrusted.</param>
    /// <returns>The ids and where the reply starts.</returns>
    /// <exception cref="ChatTemplateException">The template refuses the conversation, exceeds a cap, or writes a reply other than after its own prompt.</exception>
    public EncodedExample EncodeExample(string context, string reply) => EncodeExample([new PromptMessage("user", context)], reply);

    /// <summary>Encodes a conversation and the reply to it for training.</summary>
    /// <remarks>What follows the reply (the end of the turn) is what the template writes: the conversation rendered with the reply, less the prompt. Prompt and reply are encoded apart, so the ids of the prompt are those of <see cref="EncodePrompt"/>.</remarks>
    /// <param name="messages">The turns before the reply, oldest first. All their text is untrusted.</param>
    /// <param name="reply">What the model is to learn to say. Untrusted.</param>
    /// <returns>The ids and where the reply starts.</returns>
    /// <exception cref="ChatTemplateException">The template refuses the conversation, exceeds a cap, or writes a reply other than after its own prompt.</exception>
    public EncodedExample EncodeExample(IReadOnlyList<PromptMessage> messages, string reply)
    {
        var prompt = Render(messages, addGenerationPrompt: true);
        var whole = Render([.. messages, new PromptMessage("assistant", reply)], addGenerationPrompt: false);
        if (!whole.Text.StartsWith(prompt.Text, StringComparison.Ordinal))
        {
            throw new ChatTemplateException(ChatTemplateErrorKind.Refused, 1, 1, "a conversation with its reply does not start with the prompt for that reply");
        }

        var promptIds = Tokenizer.Encode(prompt);
        return new EncodedExample([.. promptIds, .. Tokenizer.Encode(whole.From(prompt.Text.Length))], promptIds.Length);
    }

    private string TextOf(int? token) => token is int id ? Encoding.UTF8.GetString(Tokenizer.GetTokenBytes(id)) : "";
}
