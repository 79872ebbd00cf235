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

    internal readonly struct Five : ITile
    {
        public static int Count => 5;
    }

    internal readonly struct Six : ITile
    {
        public static int Count => 6;
    }

    internal readonly struct Eight : ITile
    {
        public static int Count => 8;
    }
}
