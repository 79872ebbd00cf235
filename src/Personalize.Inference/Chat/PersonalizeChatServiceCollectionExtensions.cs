using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Personalize.Inference.Chat;

/// <summary>Registers a <see cref="PersonalizeChatClient"/> for dependency injection.</summary>
/// <remarks>The client is a singleton, also under <see cref="IChatClient"/> where nothing else is registered as one. To decorate it: <c>services.AddChatClient(provider =&gt; provider.GetRequiredService&lt;PersonalizeChatClient&gt;()).UseOpenTelemetry()</c> (Microsoft.Extensions.AI).</remarks>
public static class PersonalizeChatServiceCollectionExtensions
{
    /// <summary>Registers a client over a model file, which is loaded when the client is first asked for and freed with the container.</summary>
    /// <param name="services">The registrations.</param>
    /// <param name="modelPath">A GGUF file with a chat template.</param>
    /// <param name="options">How the client works; null for the defaults.</param>
    /// <param name="threads">How many threads compute; 0 means one for each core.</param>
    /// <returns>The registrations.</returns>
    /// <remarks>Asking for the client throws what reading the model file throws: <see cref="Core.Errors.ModelFormatException"/>, <see cref="Core.Errors.UnsupportedModelException"/>, <see cref="Core.Errors.TokenizerException"/>, <see cref="Core.Errors.ChatTemplateException"/>, or the file system's errors. A <see cref="TimeProvider"/> is taken from the container where there is one.</remarks>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    public static IServiceCollection AddPersonalizeChatClient(this IServiceCollection services, string modelPath, PersonalizeChatOptions? options = null, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrWhiteSpace(modelPath);
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        services.AddSingleton(provider => new ChatEngine(modelPath, threads, provider.GetService<TimeProvider>() ?? TimeProvider.System));
        return services.AddPersonalizeChatClient(provider => provider.GetRequiredService<ChatEngine>().CreateClient(options));
    }

    /// <summary>Registers a client that the application makes, for example over a model that it also trains.</summary>
    /// <param name="services">The registrations.</param>
    /// <param name="create">Makes the client; called once. The container disposes it.</param>
    /// <returns>The registrations.</returns>
    public static IServiceCollection AddPersonalizeChatClient(this IServiceCollection services, Func<IServiceProvider, PersonalizeChatClient> create)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(create);
        services.AddSingleton(create);
        services.TryAddSingleton<IChatClient>(provider => provider.GetRequiredService<PersonalizeChatClient>());
        return services;
    }
}
