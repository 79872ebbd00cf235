using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Personalize.Core.Models;
using Personalize.Inference.Chat;

namespace Personalize.Inference.Tests.Chat;

public class ServiceCollectionTests(TinyChatModel model) : IClassFixture<TinyChatModel>
{
    [Fact]
    public async Task A_model_file_becomes_one_chat_client()
    {
        var services = new ServiceCollection().AddPersonalizeChatClient(model.Path, new PersonalizeChatOptions { MaxOutputTokens = 3, ModelId = "mine" }, threads: 1);
        IChatClient client;
        await using (var provider = services.BuildServiceProvider(new ServiceProviderOptions { ValidateOnBuild = true, ValidateScopes = true }))
        {
            client = provider.GetRequiredService<IChatClient>();
            var response = await client.GetResponseAsync("hello");

            Assert.Same(client, provider.GetRequiredService<PersonalizeChatClient>());
            Assert.Equal((3L, "mine"), (response.Usage!.OutputTokenCount, response.ModelId));
        }

        await Assert.ThrowsAsync<ObjectDisposedException>(() => client.GetResponseAsync("hello"));
    }

    [Fact]
    public void A_client_of_the_application_is_taken_and_another_client_stays()
    {
        using var own = new PersonalizeChatClient(model.Model, model.Format, model.Pool);
        using var other = new ChatFixture(model);
        var services = new ServiceCollection().AddSingleton<IChatClient>(other.Client).AddPersonalizeChatClient(_ => own);
        using var provider = services.BuildServiceProvider();

        Assert.Same(other.Client, provider.GetRequiredService<IChatClient>());
        Assert.Same(own, provider.GetRequiredService<PersonalizeChatClient>());
        Assert.Same(model.Model, own.GetService<DecoderModel>());
    }

    [Fact]
    public void A_path_is_needed() => Assert.Throws<ArgumentException>(() => new ServiceCollection().AddPersonalizeChatClient(" "));
}
