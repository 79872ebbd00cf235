using Microsoft.Extensions.DependencyInjection;

namespace Personalize.Hosting;

/// <summary>Registers personalization for dependency injection.</summary>
public static class PersonalizationServiceCollectionExtensions
{
    /// <summary>Registers the options, which are checked when the host starts; parts are added to what it returns.</summary>
    /// <param name="services">The registrations.</param>
    /// <param name="configure">Sets the options.</param>
    /// <returns>What parts are added to.</returns>
    public static PersonalizationBuilder AddPersonalization(this IServiceCollection services, Action<PersonalizationOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        services.AddOptions<PersonalizationOptions>()
            .Configure(configure)
            .Validate(options => options.ModelPath.Length > 0, "ModelPath: name the GGUF file of the base model.")
            .Validate(options => options.ProfileFolder.Length > 0, "ProfileFolder: name the folder of the person's profile.")
            .Validate(options => options.Threads >= 0, "Threads must be 0, for one for each core, or above.")
            .ValidateOnStart();
        return new PersonalizationBuilder(services);
    }
}
