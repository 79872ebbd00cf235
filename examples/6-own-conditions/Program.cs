// Example 6: conditions of your own. An application that knows more than the system does, as on a phone, says itself whether the device may work; this one lets its person press a button.
// dotnet run --project examples/6-own-conditions -c Release -- MODEL.gguf PROFILE
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Personalize.Core.Devices;
using Personalize.Hosting;
using Personalize.Hosting.Overnight;

if (args is not [var modelPath, var profileFolder])
{
    Console.Error.WriteLine("usage: MODEL.gguf PROFILE");
    return 2;
}

var button = new Button();
var builder = Host.CreateEmptyApplicationBuilder(null);

// Registered before, it takes the place of the sensors.
builder.Services.AddSingleton<IDeviceConditions>(button);
builder.Services.AddPersonalization(options =>
    {
        options.ModelPath = modelPath;
        options.ProfileFolder = profileFolder;
    })
    .AddOvernightTraining(options =>
    {
        options.Settle = TimeSpan.Zero;
        options.Sources = null;
    });
using var host = builder.Build();
var agent = host.Services.GetRequiredService<OvernightAgent>();

// Not allowed: nothing is done, and the reason can be read.
var entry = await agent.LookAsync(CancellationToken.None);
Console.WriteLine($"{entry.Kind}: {entry.Reason}");

// Allowed: it trains if there is enough new, and says so if there is not.
button.IsPressed = true;
entry = await agent.LookAsync(CancellationToken.None);
Console.WriteLine($"{entry.Kind}: {entry.Reason}");
return 0;

internal sealed class Button : IDeviceConditions
{
    public bool IsPressed { get; set; }

    // Read several times a second while work goes on: letting go stops it within a second, and nothing is lost.
    public DeviceReadings Read(bool isWorking)
    {
        var reading = IsPressed ? DeviceReading.Yes("the button is pressed") : DeviceReading.No("the button is not pressed");
        return new DeviceReadings { Charging = reading, Idle = reading, Cool = reading, Battery = reading, Memory = DeviceReading.Yes("not asked") };
    }
}
