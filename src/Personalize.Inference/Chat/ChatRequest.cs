using Microsoft.Extensions.AI;
using Personalize.Core.Tokenization.Templates;
using Personalize.Inference.Sampling;

namespace Personalize.Inference.Chat;

/// <summary>A request in the terms of the model: what of it cannot be served is refused by name.</summary>
internal static class ChatRequest
{
    /// <summary>The turns for the chat template.</summary>
    /// <exception cref="ArgumentException">There is no message.</exception>
    /// <exception cref="NotSupportedException">A message has a role or content that the model cannot read.</exception>
    public static List<PromptMessage> Messages(IEnumerable<ChatMessage> messages, ChatOptions? options)
    {
        ArgumentNullException.ThrowIfNull(messages);
        var turns = new List<PromptMessage>();
        if (!string.IsNullOrEmpty(options?.Instructions))
        {
            turns.Add(new PromptMessage(ChatRole.System.Value, options.Instructions));
        }

        var instructions = turns.Count;
        turns.AddRange(messages.Select(Turn));
        return turns.Count > instructions ? turns : throw new ArgumentException("There is no message to answer.", nameof(messages));
    }

    /// <summary>How the answer's tokens are chosen.</summary>
    /// <param name="options">The request's.</param>
    /// <param name="defaults">What holds where the request says nothing.</param>
    /// <param name="answer">The answer's number, from which its seed comes where the request has none.</param>
    public static SamplingOptions Sampling(ChatOptions? options, SamplingOptions defaults, ulong answer) => new()
    {
        Temperature = options?.Temperature ?? defaults.Temperature,
        TopK = options?.TopK ?? defaults.TopK,
        TopP = options?.TopP ?? defaults.TopP,
        MinP = defaults.MinP,
        RepetitionPenalty = defaults.RepetitionPenalty,
        RepetitionWindow = defaults.RepetitionWindow,
        Seed = options?.Seed is long seed ? unchecked((ulong)seed) : unchecked(defaults.Seed + answer),
    };

    /// <summary>Refuses what would otherwise be lost without a word.</summary>
    /// <exception cref="NotSupportedException">The options ask for something that this client does not do.</exception>
    public static void CheckSupported(ChatOptions? options)
    {
        if (options is null)
        {
            return;
        }

        Refuse(options.Tools is { Count: > 0 } && options.ToolMode is not NoneChatToolMode, nameof(options.Tools), "the model is not asked to call functions: leave it empty");
        Refuse(options.ToolMode is RequiredChatToolMode, nameof(options.ToolMode), "the model is not asked to call functions: leave it null");
        Refuse(options.ConversationId is not null, nameof(options.ConversationId), "conversations are not kept here: leave it null and send all messages; what was computed for them is found again");
        Refuse(options.FrequencyPenalty is not (null or 0), nameof(options.FrequencyPenalty), "leave it null, or set RepetitionPenalty in the client's own options");
        Refuse(options.PresencePenalty is not (null or 0), nameof(options.PresencePenalty), "leave it null, or set RepetitionPenalty in the client's own options");
        Refuse(options.ResponseFormat is not (null or ChatResponseFormatText or ChatResponseFormatJson), nameof(options.ResponseFormat), "only text and JSON are");
    }

    private static void Refuse(bool isAsked, string option, string remedy)
    {
        if (isAsked)
        {
            throw new NotSupportedException($"ChatOptions.{option} is not supported: {remedy}.");
        }
    }

    private static PromptMessage Turn(ChatMessage message)
    {
        var role = message.Role;
        if (role != ChatRole.System && role != ChatRole.User && role != ChatRole.Assistant)
        {
            throw new NotSupportedException($"Messages of the role '{role}' are not supported: only system, user and assistant are.");
        }

        foreach (var content in message.Contents)
        {
            // Figures about an earlier answer come along when a caller sends back what it got; they are not said by anyone.
            if (content is not (TextContent or UsageContent))
            {
                var kind = content is DataContent data ? $"{nameof(DataContent)} ({data.MediaType})" : content.GetType().Name;
                throw new NotSupportedException($"Messages with {kind} are not supported: the model reads text only.");
            }
        }

        return new PromptMessage(role.Value, message.Text);
    }
}
