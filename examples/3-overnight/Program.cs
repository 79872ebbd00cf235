// Example 3: the overnight job. A hosted service looks now and then whether the device charges, is idle and cool and whether enough new was written; then it trains, judges and promotes, and stops within a second when the person is back.
// dotnet run --project examples/3-overnight -c Release -- MODEL.gguf PROFILE HISTORY.jsonl
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Personalize.Core.Interactions;
using Personalize.Hosting;
using Personalize.Hosting.Overnight;
using Personalize.Hosting.Recording;
using Personalize.Training.Evaluation;

if (args is not [var modelPath, var profileFolder, var history])
{
    Console.Error.WriteLine("usage: MODEL.gguf PROFILE HISTORY.jsonl");
    return 2;
}

const string Source = "example";
var builder = Host.CreateEmptyApplicationBuilder(null);
builder.Services.AddPersonalization(options =>
    {
        options.ModelPath = modelPath;
        options.ProfileFolder = profileFolder;
        options.Source = Source;
    })
    .AddOvernightTraining(options =>
    {
        options.MinimumNewInteractions = 20;
        options.KeepVersions = 4;

        // What this application records is written by the person's own hand; what comes from elsewhere may be at most half.
        options.Sources = new SourceLimits { Trusted = [Source] };

        // An example cannot wait for the night.
        options.LookInterval = TimeSpan.FromSeconds(1);
        options.Settle = TimeSpan.Zero;
    });
using var host = builder.Build();

var recorder = host.Services.GetRequiredService<InteractionRecorder>();
await recorder.GiveConsentAsync();
using (var open = await host.Services.GetRequiredService<PersonalProfile>().OpenForWritingAsync())
await using (var file = File.OpenRead(history))
{
    var import = InteractionImport.Run(open.Interactions, file, Source, strict: false, CancellationToken.None);
    Console.WriteLine($"{import.Imported} messages wait to be learned");
}

// In an application: await host.RunAsync(). Here one look by hand, to see what it comes to and why.
var entry = await host.Services.GetRequiredService<OvernightAgent>().LookAsync(CancellationToken.None);
Console.WriteLine($"{entry.Kind}: {entry.Reason}");
return 0;
