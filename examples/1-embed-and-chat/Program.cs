// Example 1: a person's model in an application. It answers with the adapter in use in the person's profile, and with the model as it came while there is none.
// dotnet run --project examples/1-embed-and-chat -c Release -- MODEL.gguf PROFILE
using System.Text;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Personalize.Hosting;
using Personalize.Hosting.Chat;

if (args is not [var model, var profile])
{
    Console.Error.WriteLine("usage: MODEL.gguf PROFILE");
    return 2;
}

var builder = Host.CreateEmptyApplicationBuilder(null);
builder.Services.AddPersonalization(options =>
{
    options.ModelPath = model;
    options.ProfileFolder = profile;
});
using var host = builder.Build();

// Options that cannot work stop the application here, by name.
await host.StartAsync();

// The standard interface: whatever works with an IChatClient works with this one.
var client = host.Services.GetRequiredService<IChatClient>();
var adapter = host.Services.GetRequiredService<PersonalizedChatClient>().AdapterId;
Console.WriteLine(adapter is null ? "answering with the model as it came" : $"answering with the adapter {adapter}");

List<ChatMessage> conversation = [];
foreach (var question in new[] { "Find me a good Thai restaurant in Napa.", "Book a table for two on Friday." })
{
    Console.WriteLine($"> {question}");
    conversation.Add(new ChatMessage(ChatRole.User, question));
    var answer = new StringBuilder();
    await foreach (var update in client.GetStreamingResponseAsync(conversation, new ChatOptions { Temperature = 0, MaxOutputTokens = 32 }))
    {
        Console.Write(update.Text);
        answer.Append(update.Text);
    }

    // The whole conversation goes along each time; what was computed for it before is not computed again.
    conversation.Add(new ChatMessage(ChatRole.Assistant, answer.ToString()));
    Console.WriteLine();
}

await host.StopAsync();
return 0;
