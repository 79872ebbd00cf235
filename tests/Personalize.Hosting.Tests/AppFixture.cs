using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Personalize.Core.Adapters;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Models;
using Personalize.Core.Profiles;

namespace Personalize.Hosting.Tests;

/// <summary>An application over a tiny model and a profile of its own.</summary>
internal sealed class AppFixture : IDisposable
{
    public AppFixture(Action<PersonalizationOptions>? configure = null, Action<IServiceCollection>? register = null)
    {
        ModelPath = TinyModel.Write(Folder);
        var services = new ServiceCollection();
        register?.Invoke(services);
        services.AddPersonalization(options =>
        {
            (options.ModelPath, options.ProfileFolder, options.Threads, options.PromotionCheckInterval) = (ModelPath, Folder["profile"], 1, TimeSpan.Zero);
            configure?.Invoke(options);
        });
        Services = services.BuildServiceProvider();
    }

    public TemporaryFolder Folder { get; } = new();

    public string ModelPath { get; }

    public ServiceProvider Services { get; }

    public IChatClient Client => Services.GetRequiredService<IChatClient>();

    public void Dispose()
    {
        Services.Dispose();
        Folder.Dispose();
    }

    public async Task<string> AskAsync(string message = "hello") =>
        (await Client.GetResponseAsync([new ChatMessage(ChatRole.User, message)], new ChatOptions { Temperature = 0, MaxOutputTokens = 6 })).Text;

    /// <summary>Adds an adapter of random values, strong enough to change every answer, and promotes it.</summary>
    public string Promote(int seed, string? modelPath = null)
    {
        using var file = GgufFile.Open(modelPath ?? ModelPath);
        using var model = DecoderModel.Load(file, 1);
        var random = new Random(seed);
        float[] Values(int length) => [.. Enumerable.Range(0, length).Select(_ => (float)((random.NextDouble() - 0.5) * 2))];
        var pairs =
            from layer in Enumerable.Range(0, model.Description.LayerCount)
            from module in LoraConfiguration.AllTargets
            let shape = model.GetShape(module)
            select new LoraPair(layer, module, 2, Values(2 * shape.Input), Values(shape.Output * 2), null);
        var adapter = new LoraAdapter(new LoraConfiguration(2, 4, false, LoraConfiguration.AllTargets), model.Fingerprint, [.. pairs]);
        using var profile = Profile.Open(Folder["profile"]);
        var id = profile.Adapters.Add(adapter, new AdapterProvenance { Recipe = "random" }).Id;
        profile.Adapters.Promote(id);
        return id;
    }

    public void Rollback()
    {
        using var profile = Profile.Open(Folder["profile"]);
        profile.Adapters.Rollback();
    }
}
