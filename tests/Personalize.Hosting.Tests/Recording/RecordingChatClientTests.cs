using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Personalize.Core.Errors;
using Personalize.Core.Interactions;
using Personalize.Core.Profiles;
using Personalize.Hosting.Recording;

namespace Personalize.Hosting.Tests.Recording;

/// <summary>What the person writes is stored after their consent, and never in the way of the conversation.</summary>
public sealed class RecordingChatClientTests
{
    private static readonly ChatMessage[] Conversation =
    [
        new(ChatRole.System, "be kind"),
        new(ChatRole.User, "first of mine"),
        new(ChatRole.Assistant, "what the assistant said"),
        new(ChatRole.User, "second of mine"),
    ];

    [Fact]
    public async Task Without_consent_nothing_is_stored_and_the_answer_comes()
    {
        using var app = new AppFixture();
        using var client = Client(app);

        Assert.Equal("second of mine", (await client.GetResponseAsync(Conversation)).Text);

        Assert.False(Directory.Exists(app.Folder["profile"]));
        var recorder = app.Services.GetRequiredService<InteractionRecorder>();
        Assert.False(recorder.HasConsent);
        await Assert.ThrowsAsync<ConsentRequiredException>(() => recorder.RecordAsync("c", "t"));
    }

    [Fact]
    public async Task With_consent_the_persons_message_is_stored_once_with_what_it_answers()
    {
        using var app = new AppFixture(options => options.Source = "letters");
        using var client = Client(app);
        var recorder = app.Services.GetRequiredService<InteractionRecorder>();
        await recorder.GiveConsentAsync();
        Assert.True(recorder.HasConsent);

        await client.GetResponseAsync(Conversation[..2]);
        var streamed = "";
        await foreach (var update in client.GetStreamingResponseAsync(Conversation))
        {
            streamed += update.Text;
            Assert.Single(Stored(app));
        }

        Assert.Equal("second of mine", streamed);
        Assert.Equal([("letters", "", "first of mine"), ("letters", "what the assistant said", "second of mine")], Stored(app).Select(stored => (stored.Source, stored.Context, stored.Text)));
    }

    [Fact]
    public async Task After_withdrawal_nothing_more_is_stored()
    {
        using var app = new AppFixture();
        using var client = Client(app);
        var recorder = app.Services.GetRequiredService<InteractionRecorder>();
        await recorder.GiveConsentAsync();
        await client.GetResponseAsync(Conversation);
        await recorder.WithdrawConsentAsync();

        await client.GetResponseAsync(Conversation);

        Assert.False(recorder.HasConsent);
        Assert.Single(Stored(app));
    }

    [Theory]
    [InlineData("assistant", "said by nobody")]
    [InlineData("user", "  ")]
    public async Task What_no_person_wrote_is_not_stored(string role, string text)
    {
        using var app = new AppFixture();
        using var client = Client(app);
        await app.Services.GetRequiredService<InteractionRecorder>().GiveConsentAsync();

        await client.GetResponseAsync([new ChatMessage(new ChatRole(role), text)]);

        Assert.Empty(Stored(app));
    }

    [Fact]
    public async Task A_failed_answer_stores_nothing_and_is_thrown()
    {
        using var app = new AppFixture();
        using var client = Client(app);
        await app.Services.GetRequiredService<InteractionRecorder>().GiveConsentAsync();

        await Assert.ThrowsAsync<InvalidOperationException>(() => client.GetResponseAsync([new ChatMessage(ChatRole.User, "fail")]));

        Assert.Empty(Stored(app));
    }

    [Fact]
    public async Task A_damaged_profile_is_logged_without_text_and_the_answer_comes()
    {
        var log = new LogOfOne();
        using var app = new AppFixture();
        await app.Services.GetRequiredService<InteractionRecorder>().GiveConsentAsync();
        await File.WriteAllTextAsync(Path.Combine(app.Folder["profile"], "profile.json"), "{}");
        using var client = new RecordingChatClient(new EchoClient(), app.Services.GetRequiredService<InteractionRecorder>(), log);

        Assert.Equal("second of mine", (await client.GetResponseAsync(Conversation)).Text);

        var line = Assert.Single(log.Lines);
        Assert.DoesNotContain("mine", line, StringComparison.Ordinal);
        Assert.DoesNotContain(app.Folder.Path, line, StringComparison.Ordinal);
    }

    [Fact]
    public void The_client_within_is_found_and_disposed()
    {
        using var app = new AppFixture();
        var inner = new EchoClient();
        var client = new RecordingChatClient(inner, app.Services.GetRequiredService<InteractionRecorder>());

        Assert.Same(inner, client.GetService(typeof(EchoClient)));
        Assert.Same(client, client.GetService(typeof(RecordingChatClient)));
        client.Dispose();
        Assert.True(inner.IsDisposed);
    }

    [Fact]
    public async Task The_registered_client_records_where_the_application_asked_for_it()
    {
        using var app = new AppFixture(options => options.RecordConversations = true);
        await app.Services.GetRequiredService<InteractionRecorder>().GiveConsentAsync();

        await app.AskAsync("from the registered client");

        Assert.Equal("from the registered client", Assert.Single(Stored(app)).Text);
    }

    [Fact]
    public async Task Without_being_asked_the_registered_client_records_nothing()
    {
        using var app = new AppFixture();
        await app.Services.GetRequiredService<InteractionRecorder>().GiveConsentAsync();

        await app.AskAsync();

        Assert.Empty(Stored(app));
    }

    [Fact]
    public async Task Many_at_once_are_all_stored()
    {
        using var app = new AppFixture();
        using var client = Client(app);
        await app.Services.GetRequiredService<InteractionRecorder>().GiveConsentAsync();

        await Task.WhenAll(Enumerable.Range(0, 8).Select(i => client.GetResponseAsync([new ChatMessage(ChatRole.User, $"message {i}")])));

        Assert.Equal(8, Stored(app).Count);
    }

    private static RecordingChatClient Client(AppFixture app) => new(new EchoClient(), app.Services.GetRequiredService<InteractionRecorder>());

    private static List<Interaction> Stored(AppFixture app)
    {
        using var profile = Profile.Open(app.Folder["profile"], new ProfileOptions { OpenForReading = true });
        return [.. profile.Interactions.ReadAll().OrderBy(interaction => interaction.Id)];
    }

    private sealed class LogOfOne : ILogger<RecordingChatClient>
    {
        public List<string> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Lines.Add(formatter(state, exception) + exception);
    }
}
