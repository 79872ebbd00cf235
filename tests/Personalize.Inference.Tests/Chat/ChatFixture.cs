using Microsoft.Extensions.AI;
using Personalize.Inference.Chat;
using Personalize.Inference.Sampling;
using Personalize.Inference.Speculation;

namespace Personalize.Inference.Tests.Chat;

/// <summary>A client over the tiny model whose sessions can be watched.</summary>
internal sealed class ChatFixture : IDisposable
{
    private readonly Lock _gate = new();
    private readonly List<CountingSession> _sessions = [];

    public ChatFixture(TinyChatModel model, int maxSessions = 4, int contextLength = TinyChatModel.ContextLength, Action<CountingSession>? onCreated = null, TimeProvider? time = null, Func<IDrafter>? createDrafter = null) =>
        Client = new PersonalizeChatClient(
            () =>
            {
                var session = new CountingSession(model.CreateSession(contextLength));
                onCreated?.Invoke(session);
                lock (_gate)
                {
                    _sessions.Add(session);
                }

                return session;
            },
            model.Format,
            new PersonalizeChatOptions { MaxSessions = maxSessions, MaxOutputTokens = 24, Sampling = new SamplingOptions { Temperature = 1 }, CreateDrafter = createDrafter },
            "tiny",
            time);

    public PersonalizeChatClient Client { get; }

    public IReadOnlyList<CountingSession> Sessions => _sessions;

    public int Computed => _sessions.Sum(session => session.Computed);

    /// <summary>A whole conversation of several turns: the answers.</summary>
    public async Task<string[]> TalkAsync(int conversation, int turns, ChatOptions? options = null, List<ChatResponse>? responses = null)
    {
        var messages = new List<ChatMessage> { new(ChatRole.System, $"Conversation {conversation}.") };
        for (var turn = 0; turn < turns; turn++)
        {
            messages.Add(new ChatMessage(ChatRole.User, $"the {turn} and the {conversation * turn}"));
            var response = await Client.GetResponseAsync(messages, options ?? new ChatOptions { Seed = (conversation * 100) + turn });
            responses?.Add(response);
            messages.AddRange(response.Messages);
        }

        return [.. messages.Where(message => message.Role == ChatRole.Assistant).Select(message => message.Text)];
    }

    public void Dispose() => Client.Dispose();
}
