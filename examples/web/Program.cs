// A minimal API over a person's model: chat, consent, what they write, what was learned.
// dotnet run --project examples/web -c Release -- --Model MODEL.gguf --Profile PROFILE --urls http://127.0.0.1:5080
using Microsoft.Extensions.AI;
using Personalize.Core.Errors;
using Personalize.Hosting;
using Personalize.Hosting.Recording;

var builder = WebApplication.CreateSlimBuilder(args);
builder.Services.AddPersonalization(options =>
{
    options.ModelPath = builder.Configuration["Model"] ?? "";
    options.ProfileFolder = builder.Configuration["Profile"] ?? "";
    options.Source = "web";
    options.RecordConversations = true;
});
var app = builder.Build();

// A refusal is an answer, not an accident: the typed errors of the library say what to do and hold no text of the person.
app.Use(async (context, next) =>
{
    try
    {
        await next(context);
    }
    catch (PersonalizeException error)
    {
        context.Response.StatusCode = error is ConsentRequiredException ? StatusCodes.Status403Forbidden : StatusCodes.Status422UnprocessableEntity;
        await context.Response.WriteAsJsonAsync(new { error = error.Message });
    }
});

app.MapPost("/chat", async (Turn turn, IChatClient client, CancellationToken stop) =>
    new { text = (await client.GetResponseAsync([new ChatMessage(ChatRole.User, turn.Text)], new ChatOptions { MaxOutputTokens = 64 }, stop)).Text });

app.MapGet("/consent", (InteractionRecorder recorder) => new { source = recorder.Source, given = recorder.HasConsent });
app.MapPut("/consent", (InteractionRecorder recorder, CancellationToken stop) => recorder.GiveConsentAsync(stop));
app.MapDelete("/consent", (InteractionRecorder recorder, CancellationToken stop) => recorder.WithdrawConsentAsync(stop));

app.MapPost("/messages", async (Message message, InteractionRecorder recorder, CancellationToken stop) =>
    new { id = await recorder.RecordAsync(message.Context, message.Text, stop) });

app.MapGet("/adapters", (PersonalProfile profile) =>
{
    if (!profile.Exists)
    {
        return Results.Ok(Array.Empty<object>());
    }

    using var open = profile.OpenForReading();
    return Results.Ok(open.Adapters.List().Select(adapter => new { adapter.Id, status = adapter.Status.ToString(), adapter.Created, before = adapter.Provenance.TestNllBase, with = adapter.Provenance.TestNllAdapter }).ToArray());
});

await app.RunAsync();

internal sealed record Turn(string Text);

internal sealed record Message(string Context, string Text);
