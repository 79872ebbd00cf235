using System.Text.Json;

namespace Personalize.Core.Tokenization.Templates;

/// <summary>One turn of a conversation as a chat template sees it. Everything in it counts as untrusted, the role included.</summary>
/// <param name="Role">Who speaks: <c>system</c>, <c>user</c>, <c>assistant</c>, <c>tool</c>.</param>
/// <param name="Content">What is said.</param>
public sealed record PromptMessage(string Role, string Content)
{
    /// <summary>Further fields that templates may ask for, such as <c>tool_calls</c>, <c>tool_call_id</c>, <c>name</c> or <c>reasoning_content</c>; null where there are none.</summary>
    public IReadOnlyDictionary<string, JsonElement>? Fields { get; init; }
}
