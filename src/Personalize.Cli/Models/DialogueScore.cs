using System.Runtime.InteropServices;

namespace Personalize.Cli.Models;

/// <summary>The loss of a model on the text of dialogues.</summary>
/// <param name="Dialogues">How many.</param>
/// <param name="Bytes">The bytes of the turns' text as UTF-8.</param>
/// <param name="Tokens">The tokens that spell them.</param>
/// <param name="Nll">Their loss, in nats.</param>
/// <param name="AssistantBytes">The bytes of the assistant's turns alone.</param>
/// <param name="AssistantNll">The loss of the assistant's turns alone.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct DialogueScore(int Dialogues, long Bytes, int Tokens, double Nll, long AssistantBytes, double AssistantNll)
{
    public double BitsPerByte => Nll / Math.Log(2) / Bytes;

    public double AssistantBitsPerByte => AssistantNll / Math.Log(2) / AssistantBytes;

    public static DialogueScore operator +(DialogueScore left, DialogueScore right) => new(
        left.Dialogues + right.Dialogues, left.Bytes + right.Bytes, left.Tokens + right.Tokens, left.Nll + right.Nll, left.AssistantBytes + right.AssistantBytes, left.AssistantNll + right.AssistantNll);
}
