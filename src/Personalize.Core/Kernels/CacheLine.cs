namespace Personalize.Core.Kernels;

/// <summary>What threads that write near each other are kept apart by.</summary>
internal static class CacheLine
{
    /// <summary>Bytes of two cache lines, which processors like to fetch together.</summary>
    public const int PairBytes = 128;
}
