using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Personalize.Core.Devices;

namespace Personalize.Hosting.Overnight;

/// <summary>Adds overnight training to an application.</summary>
public static class OvernightBuilderExtensions
{
    /// <summary>Trains while the device charges, is idle and cool, as a hosted service. Registered before, an <see cref="IDeviceConditions"/>, an <see cref="IProfileAccess"/> or a <see cref="TimeProvider"/> of the application takes the place of its own.</summary>
    /// <param name="builder">What <see cref="PersonalizationServiceCollectionExtensions.AddPersonalization"/> returned.</param>
    /// <param name="configure">Sets the options, which are checked when the host starts; null for the defaults.</param>
    /// <returns>The same builder.</returns>
    public static PersonalizationBuilder AddOvernightTraining(this PersonalizationBuilder builder, Action<OvernightOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var services = builder.Services;
        services.AddOptions<OvernightOptions>().Configure(options => configure?.Invoke(options)).ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<OvernightOptions>, OvernightOptionsValidation>());
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<IDeviceConditions>(provider => new DeviceConditions(provider.GetRequiredService<IOptions<OvernightOptions>>().Value.Conditions));
        services.TryAddSingleton<IProfileAccess>(provider =>
            new FolderProfileAccess(provider.GetRequiredService<IOptions<PersonalizationOptions>>().Value.ProfileFolder, provider.GetRequiredService<TimeProvider>()));
        services.TryAddSingleton(provider =>
        {
            var personalization = provider.GetRequiredService<IOptions<PersonalizationOptions>>().Value;
            var time = provider.GetRequiredService<TimeProvider>();
            return new OvernightAgent(
                provider.GetRequiredService<IProfileAccess>(),
                () => OvernightModel.Load(personalization.ModelPath, personalization.Threads, time),
                provider.GetRequiredService<IDeviceConditions>(),
                provider.GetRequiredService<IOptions<OvernightOptions>>().Value,
                time,
                provider.GetService<ILogger<OvernightAgent>>());
        });
        services.AddHostedService<OvernightService>();
        return builder;
    }
}
