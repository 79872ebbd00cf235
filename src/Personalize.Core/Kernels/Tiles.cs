namespace Personalize.Core.Kernels;

/// <summary>The sizes of tiles.</summary>
internal static class Tiles
{
    internal readonly struct One : ITile
    {
        public static int Count => 1;
    }

    internal readonly struct Two : ITile
    {
        public static int Count => 2;
    }

    internal readonly struct Three : ITile
    {
        public static int Count => 3;
    }

    internal readonly struct Four : ITile
    {
        public static int Count => 4;
    }
}
