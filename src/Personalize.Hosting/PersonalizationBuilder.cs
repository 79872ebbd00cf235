using Microsoft.Extensions.DependencyInjection;

namespace Personalize.Hosting;

/// <summary>What <see cref="PersonalizationServiceCollectionExtensions.AddPersonalization"/> gives back, to add parts to.</summary>
public sealed class PersonalizationBuilder
{
    internal PersonalizationBuilder(IServiceCollection services) => Services = services;

    /// <summary>The registrations of the application.</summary>
    public IServiceCollection Services { get; }
}
