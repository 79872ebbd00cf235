using System.Runtime.InteropServices;

namespace Personalize.Core.Tokenization;

/// <summary>A training example as token ids: the prompt, then the reply with what ends its turn.</summary>
/// <param name="Ids">All ids, not cut to any length.</param>
/// <param name="PromptLength">How many of them are the prompt; the loss is on the rest.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct EncodedExample(int[] Ids, int PromptLength);
