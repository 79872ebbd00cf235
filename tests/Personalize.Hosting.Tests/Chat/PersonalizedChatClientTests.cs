using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Personalize.Core.Errors;
using Personalize.Hosting.Chat;

namespace Personalize.Hosting.Tests.Chat;

/// <summary>The registered client answers with the adapter in use, whichever that comes to be.</summary>
public sealed class PersonalizedChatClientTests
{
    [Fact]
    public async Task It_goes_over_to_what_is_promoted_and_back()
    {
        using var app = new AppFixture();
        var client = app.Services.GetRequiredService<PersonalizedChatClient>();
        var before = await app.AskAsync();
        Assert.Null(client.AdapterId);

        var first = app.Promote(1);
        var with = await app.AskAsync();
        Assert.Equal(first, client.AdapterId);
        Assert.NotEqual(before, with);

        var second = app.Promote(2);
        Assert.NotEqual(with, await app.AskAsync());
        Assert.Equal(second, client.AdapterId);

        app.Rollback();
        Assert.Equal(with, await app.AskAsync());
        app.Rollback();
        Assert.Equal(before, await app.AskAsync());
        Assert.Null(client.AdapterId);
    }

    [Fact]
    public async Task An_answer_under_way_ends_with_the_adapter_it_began_with()
    {
        using var app = new AppFixture();
        app.Promote(1);
        var whole = await app.AskAsync();
        var text = "";
        await foreach (var update in app.Client.GetStreamingResponseAsync([new ChatMessage(ChatRole.User, "hello")], new ChatOptions { Temperature = 0, MaxOutputTokens = 6 }))
        {
            if (text.Length == 0)
            {
                app.Promote(2);
                Assert.NotEqual(whole, await app.AskAsync());
            }

            text += update.Text;
        }

        Assert.Equal(whole, text);
    }

    [Fact]
    public async Task It_looks_again_only_after_the_interval()
    {
        var time = new ManualTime();
        using var app = new AppFixture(options => options.PromotionCheckInterval = TimeSpan.FromMinutes(1), services => services.AddSingleton<TimeProvider>(time));
        var before = await app.AskAsync();
        app.Promote(1);
        Assert.Equal(before, await app.AskAsync());

        time.Advance(TimeSpan.FromMinutes(1));

        Assert.NotEqual(before, await app.AskAsync());
    }

    [Fact]
    public async Task An_adapter_that_is_gone_is_said_by_name()
    {
        using var app = new AppFixture(options => options.AdapterId = "0123456789abcdef");
        await Assert.ThrowsAsync<ProfileAccessException>(() => app.AskAsync());
        app.Promote(1);

        var error = await Assert.ThrowsAsync<AdapterRegistryException>(() => app.AskAsync());

        Assert.Equal(AdapterRegistryError.NotFound, error.Error);
        Assert.Contains("0123456789abcdef", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_adapter_of_another_base_is_refused()
    {
        using var app = new AppFixture();
        app.Promote(1, TinyModel.Write(app.Folder, seed: 2));

        await Assert.ThrowsAsync<AdapterMismatchException>(() => app.AskAsync());
    }

    [Fact]
    public void An_application_keeps_its_own_client()
    {
        using var own = new EchoClient();
        using var app = new AppFixture(register: services => services.AddSingleton<IChatClient>(own));

        Assert.Same(own, app.Client);
        Assert.NotNull(app.Services.GetRequiredService<PersonalizedChatClient>());
    }

    [Fact]
    public async Task After_its_end_it_says_so()
    {
        using var app = new AppFixture();
        var client = app.Services.GetRequiredService<PersonalizedChatClient>();
        client.Dispose();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => client.GetResponseAsync([new ChatMessage(ChatRole.User, "hello")]));
    }

    private sealed class ManualTime : TimeProvider
    {
        private long _ticks = TimeSpan.TicksPerDay;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public void Advance(TimeSpan time) => _ticks += time.Ticks;

        public override long GetTimestamp() => _ticks;
    }
}
