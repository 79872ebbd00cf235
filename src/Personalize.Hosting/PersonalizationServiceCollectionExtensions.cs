using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Personalize.Hosting.Chat;
using Personalize.Hosting.Recording;

namespace Personalize.Hosting;

/// <summary>Registers personalization for dependency injection.</summary>
public static class PersonalizationServiceCollectionExtensions
{
    /// <summary>
    /// Registers a person's model: <see cref="PersonalModel"/>, <see cref="PersonalProfile"/>, <see cref="InteractionRecorder"/> and, where the application registers none, an <see cref="IChatClient"/> that answers with the adapter in use and
    /// goes over to a new one by itself. The options are checked when the host starts; the model is loaded when it is first asked for.
    /// </summary>
    /// <param name="services">The registrations. A <see cref="TimeProvider"/> and logging are taken from them where they are there.</param>
    /// <param name="configure">Sets the options.</param>
    /// <returns>What parts are added to.</returns>
    public static PersonalizationBuilder AddPersonalization(this IServiceCollection services, Action<PersonalizationOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        services.AddOptions<PersonalizationOptions>()
            .Configure(configure)
            .Validate(options => options.ModelPath.Length > 0, "ModelPath: name the GGUF file of the base model.")
            .Validate(options => options.ModelPath.Length == 0 || File.Exists(options.ModelPath), "ModelPath: there is no such file; name the GGUF file of the base model, with its folder.")
            .Validate(options => options.ProfileFolder.Length > 0, "ProfileFolder: name the folder of the person's profile.")
            .Validate(options => options.Threads >= 0, "Threads must be 0, for one for each core, or above.")
            .Validate(options => !string.IsNullOrWhiteSpace(options.Source), "Source must have a name: consent is given for it.")
            .Validate(options => options.Passphrase is null || options.KeyProtector is null, "Passphrase and KeyProtector: set one of them at most.")
            .Validate(options => options.PromotionCheckInterval >= TimeSpan.Zero, "PromotionCheckInterval must not be negative.")
            .ValidateOnStart();
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<PersonalProfile>();
        services.TryAddSingleton(provider => provider.GetRequiredService<PersonalProfile>().Access);
        services.TryAddSingleton<PersonalModel>();
        services.TryAddSingleton<InteractionRecorder>();
        services.TryAddSingleton<PersonalizedChatClient>();
        services.TryAddSingleton<IChatClient>(provider =>
        {
            var client = provider.GetRequiredService<PersonalizedChatClient>();
            return provider.GetRequiredService<IOptions<PersonalizationOptions>>().Value.RecordConversations
                ? new RecordingChatClient(client, provider.GetRequiredService<InteractionRecorder>())
                : client;
        });
        return new PersonalizationBuilder(services);
    }
}
