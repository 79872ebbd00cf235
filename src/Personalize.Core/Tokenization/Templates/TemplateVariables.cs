using System.Text.Json;

namespace Personalize.Core.Tokenization.Templates;

/// <summary>What a chat template can name besides the messages.</summary>
public sealed class TemplateVariables
{
    /// <summary><c>bos_token</c>. Trusted: it is to come from the vocabulary.</summary>
    public string BeginningOfText { get; init; } = "";

    /// <summary><c>eos_token</c>. Trusted: it is to come from the vocabulary.</summary>
    public string EndOfText { get; init; } = "";

    /// <summary>Any other variables by name, such as <c>tools</c> or <c>enable_thinking</c>. Their text is untrusted.</summary>
    public IReadOnlyDictionary<string, JsonElement>? Values { get; init; }
}
