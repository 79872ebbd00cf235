// Example 2: record what a person writes, after they consent to it, and train on it. The adapter is promoted only if it predicts the person's later messages better.
// dotnet run --project examples/2-record-and-train -c Release -- MODEL.gguf PROFILE HISTORY.jsonl
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Personalize.Core.Interactions;
using Personalize.Hosting;
using Personalize.Hosting.Recording;
using Personalize.Training;
using Personalize.Training.Jobs;

if (args is not [var modelPath, var profileFolder, var history])
{
    Console.Error.WriteLine("usage: MODEL.gguf PROFILE HISTORY.jsonl");
    return 2;
}

var builder = Host.CreateEmptyApplicationBuilder(null);
builder.Services.AddPersonalization(options =>
{
    options.ModelPath = modelPath;
    options.ProfileFolder = profileFolder;
    options.Source = "example";
    options.PromotionCheckInterval = TimeSpan.Zero;
});
using var host = builder.Build();
await host.StartAsync();
var recorder = host.Services.GetRequiredService<InteractionRecorder>();
var profile = host.Services.GetRequiredService<PersonalProfile>();
var personal = host.Services.GetRequiredService<PersonalModel>();
var client = host.Services.GetRequiredService<IChatClient>();

// Ask the person first. Without their yes, recording throws ConsentRequiredException and nothing is stored.
await recorder.GiveConsentAsync();
await recorder.RecordAsync(context: "Is the kettle on?", text: "Ahoy! Always, from nine on. Fair winds, Wren");

// A history that exists already goes in at once.
List<Interaction> interactions;
using (var open = await profile.OpenForWritingAsync())
await using (var file = File.OpenRead(history))
{
    var import = InteractionImport.Run(open.Interactions, file, recorder.Source, strict: false, CancellationToken.None);
    interactions = [.. open.Interactions.ReadAll()];
    Console.WriteLine($"{import.Imported} imported, {interactions.Count} stored and sealed in {profile.Folder}");
}

var before = await AskAsync();
var job = new PersonalizationJob(personal.Model, personal.Format, personal.Pool, new LoraRecipe());
var result = job.Run(interactions, incumbent: null, new Steps());
Console.WriteLine($"loss on {result.Split.TestCount} later messages: {result.Gate.BaseNll:F3} before, {result.Gate.AdapterNll:F3} with the adapter");

using (var open = await profile.OpenForWritingAsync())
{
    var record = PersonalizationJob.Keep(open.Adapters, result, "example");
    Console.WriteLine($"adapter {record.Id}: {record.Status}");
}

// The client goes over to what was promoted by itself.
Console.WriteLine($"before: {before}");
Console.WriteLine($"after:  {await AskAsync()}");
await host.StopAsync();
return 0;

async Task<string> AskAsync() =>
    (await client.GetResponseAsync([new ChatMessage(ChatRole.User, "What do you recommend for Sunday?")], new ChatOptions { Temperature = 0, MaxOutputTokens = 40 })).Text.ReplaceLineEndings(" ");

internal sealed class Steps : IProgress<TrainingProgress>
{
    public void Report(TrainingProgress value)
    {
        if (value.Step % 10 == 0)
        {
            Console.WriteLine($"step {value.Step + 1} of {value.TotalSteps}, loss {value.Loss:F2}");
        }
    }
}
