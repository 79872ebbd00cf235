// Example 5: take the adapter along. PEFT reads the folder, llama.cpp the GGUF file; both hold what was learned in clear, so they are as private as the messages themselves.
// dotnet run --project examples/5-export-to-peft -c Release -- MODEL.gguf PROFILE TARGET
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Personalize.Core.Adapters;
using Personalize.Hosting;

if (args is not [var modelPath, var profileFolder, var target])
{
    Console.Error.WriteLine("usage: MODEL.gguf PROFILE TARGET");
    return 2;
}

var builder = Host.CreateEmptyApplicationBuilder(null);
builder.Services.AddPersonalization(options =>
{
    options.ModelPath = modelPath;
    options.ProfileFolder = profileFolder;
});
using var host = builder.Build();
await host.StartAsync();
var profile = host.Services.GetRequiredService<PersonalProfile>();
var model = host.Services.GetRequiredService<PersonalModel>().Model;
LoraAdapter? adapter = null;
if (profile.Exists)
{
    using var open = profile.OpenForReading();
    adapter = open.Adapters.GetPromoted() is { } promoted ? open.Adapters.Load(promoted.Id) : null;
}

if (adapter is null)
{
    Console.WriteLine("no adapter is in use: run example 2 first");
    return 0;
}

var peft = Path.Combine(target, "peft");
PeftAdapter.Export(peft, adapter, overwrite: true);
var gguf = Path.Combine(target, "adapter.gguf");
GgufAdapter.Export(gguf, adapter, model.Description, overwrite: true);
foreach (var file in Directory.GetFiles(target, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
{
    Console.WriteLine($"{file}: {new FileInfo(file).Length} bytes");
}

// And back: an adapter that fits another base is refused with both fingerprints.
var imported = PeftAdapter.Import(peft, model.Description, model.Fingerprint);
Console.WriteLine($"read back: rank {imported.Configuration.Rank}, {imported.Pairs.Count} pairs");
await host.StopAsync();
return 0;
