using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Personalize.Core.Security;

namespace Personalize.Hosting.Tests;

/// <summary>Options that cannot work stop the host at its start, with the name of the option.</summary>
public sealed class PersonalizationOptionsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("ModelPath", "name the GGUF")]
    [InlineData("ModelPath", "no such file")]
    [InlineData("ProfileFolder", "name the folder")]
    [InlineData("Threads", "Threads")]
    [InlineData("Source", "Source")]
    [InlineData("PromotionCheckInterval", "negative")]
    [InlineData("Passphrase", "KeyProtector")]
    public async Task An_option_that_cannot_work_stops_the_start(string option, string named)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddPersonalization(options =>
        {
            (options.ModelPath, options.ProfileFolder) = (typeof(PersonalizationOptionsTests).Assembly.Location, _folder["profile"]);
            switch (option)
            {
                case "ModelPath":
                    options.ModelPath = named == "no such file" ? _folder["none.gguf"] : "";
                    break;
                case "ProfileFolder":
                    options.ProfileFolder = "";
                    break;
                case "Threads":
                    options.Threads = -1;
                    break;
                case "Source":
                    options.Source = " ";
                    break;
                case "PromotionCheckInterval":
                    options.PromotionCheckInterval = TimeSpan.FromSeconds(-1);
                    break;
                default:
                    (options.Passphrase, options.KeyProtector) = ("a", new FileKeyProtector(_folder["key"]));
                    break;
            }
        });
        using var host = builder.Build();

        var error = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync());

        Assert.Contains(named, error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder["profile"]));
    }

    [Fact]
    public async Task Sound_options_start_without_loading_anything()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);

        // No model at all, but a file: it is read when it is first asked for.
        builder.Services.AddPersonalization(options => (options.ModelPath, options.ProfileFolder) = (typeof(PersonalizationOptionsTests).Assembly.Location, _folder["profile"]));
        using var host = builder.Build();
        await host.StartAsync();
        await host.StopAsync();

        Assert.False(Directory.Exists(_folder["profile"]));
    }
}
