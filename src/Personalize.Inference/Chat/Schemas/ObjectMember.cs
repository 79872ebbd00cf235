namespace Personalize.Inference.Chat.Schemas;

/// <summary>A member of an object.</summary>
/// <param name="Name">The name with its quotes; starts with a quote.</param>
/// <param name="Value">The value.</param>
/// <param name="IsRequired">Whether it must come.</param>
/// <param name="Repeats">Whether more of the same kind may follow: the entries of a dictionary.</param>
internal sealed record ObjectMember(GrammarNode Name, GrammarNode Value, bool IsRequired, bool Repeats = false);
