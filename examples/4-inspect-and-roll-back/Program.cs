// Example 4: see what was learned, take it back, and take it up again. Run example 2 first, so that there is something to see.
// dotnet run --project examples/4-inspect-and-roll-back -c Release -- MODEL.gguf PROFILE
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Personalize.Hosting;
using Personalize.Hosting.Chat;

if (args is not [var modelPath, var profileFolder])
{
    Console.Error.WriteLine("usage: MODEL.gguf PROFILE");
    return 2;
}

var builder = Host.CreateEmptyApplicationBuilder(null);
builder.Services.AddPersonalization(options =>
{
    options.ModelPath = modelPath;
    options.ProfileFolder = profileFolder;
    options.PromotionCheckInterval = TimeSpan.Zero;
});
using var host = builder.Build();
await host.StartAsync();
var profile = host.Services.GetRequiredService<PersonalProfile>();
var client = host.Services.GetRequiredService<PersonalizedChatClient>();
if (!profile.Exists)
{
    Console.WriteLine("no profile yet: run example 2 first");
    return 0;
}

string? promoted;
using (var open = profile.OpenForReading())
{
    foreach (var adapter in open.Adapters.List())
    {
        var figures = adapter.Provenance;
        Console.WriteLine($"{adapter.Id} {adapter.Status}: rank {adapter.Configuration.Rank}, learned from {figures.TrainedOn?.Count} messages, loss {figures.TestNllBase:F3} before, {figures.TestNllAdapter:F3} with it");
    }

    foreach (var change in open.Adapters.History)
    {
        Console.WriteLine($"{change.At:u} {(change.IsRollback ? "back to" : "over to")} {change.AdapterId ?? "the model as it came"}");
    }

    promoted = open.Adapters.GetPromoted()?.Id;
}

if (promoted is null)
{
    Console.WriteLine("no adapter is in use");
    return 0;
}

Console.WriteLine($"served: {client.AdapterId}");
using (var open = await profile.OpenForWritingAsync())
{
    open.Adapters.Rollback();
}

Console.WriteLine($"served after the roll-back: {client.AdapterId ?? "the model as it came"}");
using (var open = await profile.OpenForWritingAsync())
{
    open.Adapters.Promote(promoted);
}

Console.WriteLine($"served after it was promoted again: {client.AdapterId}");
await host.StopAsync();
return 0;
