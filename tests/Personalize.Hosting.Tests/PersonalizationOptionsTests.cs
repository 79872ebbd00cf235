using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Personalize.Hosting.Tests;

/// <summary>Options that cannot work stop the host at its start, with the name of the option.</summary>
public sealed class PersonalizationOptionsTests
{
    [Theory]
    [InlineData("", "folder", 0, "ModelPath")]
    [InlineData("model.gguf", "", 0, "ProfileFolder")]
    [InlineData("model.gguf", "folder", -1, "Threads")]
    public async Task An_option_that_cannot_work_stops_the_start(string model, string folder, int threads, string named)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddPersonalization(options => (options.ModelPath, options.ProfileFolder, options.Threads) = (model, folder, threads));
        using var host = builder.Build();
        var error = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync());
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }
}
