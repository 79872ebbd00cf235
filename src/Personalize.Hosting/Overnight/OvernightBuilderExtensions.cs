using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Personalize.Core.Devices;
using Personalize.Training.Evaluation;

namespace Personalize.Hosting.Overnight;

/// <summary>Adds overnight training to an application.</summary>
public static class OvernightBuilderExtensions
{
    /// <summary>
    /// Trains while the device charges, is idle and cool, as a hosted service, with the application's own model and profile. The application's own source is trusted as the person's hand is; the limits hold for all others. Registered before, an <see cref="IDeviceConditions"/>, an <see cref="IProfileAccess"/> or a <see cref="TimeProvider"/> of the application takes the place of its own.
    /// </summary>
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
        {
            var profile = provider.GetRequiredService<PersonalProfile>();
            return new FolderProfileAccess(reading => reading ? profile.OpenForReading() : profile.OpenForWritingAsync().GetAwaiter().GetResult(), () => profile.Exists);
        });
        services.TryAddSingleton(provider =>
        {
            var personalization = provider.GetRequiredService<IOptions<PersonalizationOptions>>().Value;
            var time = provider.GetRequiredService<TimeProvider>();
            var options = provider.GetRequiredService<IOptions<OvernightOptions>>().Value;
            if (options.Sources is { } limits)
            {
                options.Sources = new SourceLimits
                {
                    MaximumShare = limits.MaximumShare,
                    FloodWindow = limits.FloodWindow,
                    MaximumPerWindow = limits.MaximumPerWindow,
                    Trusted = [.. limits.Trusted, personalization.Source],
                };
            }

            return new OvernightAgent(
                provider.GetRequiredService<IProfileAccess>(),
                () =>
                {
                    var model = provider.GetRequiredService<PersonalModel>();
                    return OvernightModel.Borrow(model.Model, model.Format, personalization.Threads);
                },
                provider.GetRequiredService<IDeviceConditions>(),
                options,
                time,
                provider.GetService<ILogger<OvernightAgent>>());
        });
        services.AddHostedService<OvernightService>();
        return builder;
    }
}
