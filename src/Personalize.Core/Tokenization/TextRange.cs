using System.Runtime.InteropServices;

namespace Personalize.Core.Tokenization;

/// <summary>A stretch of a string in UTF-16 units.</summary>
/// <param name="Start">The first unit.</param>
/// <param name="Length">How many units.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct TextRange(int Start, int Length)
{
    /// <summary>One past the last unit.</summary>
    public int End => Start + Length;
}
