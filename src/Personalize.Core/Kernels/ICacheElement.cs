using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Personalize.Core.Kernels;

/// <summary>A number format of cached keys and values; attention is compiled once for each.</summary>
internal unsafe interface ICacheElement
{
    /// <summary>Bytes of a number.</summary>
    static abstract int Size { get; }

    /// <summary>What <see cref="Load"/>'s numbers must be multiplied with: a power of two, which goes into the other factor once instead of into each number.</summary>
    static abstract float Scale { get; }

    /// <summary>Eight numbers, divided by <see cref="Scale"/>.</summary>
    static abstract Vector256<float> Load(byte* source);

    /// <summary>Rounds eight numbers into the format.</summary>
    static abstract void Store(float* source, byte* target);
}

/// <summary>32 bits.</summary>
internal readonly unsafe struct SingleElement : ICacheElement
{
    public static int Size => sizeof(float);

    public static float Scale => 1f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(byte* source) => Vector256.Load((float*)source);

    public static void Store(float* source, byte* target) => Vector256.Load(source).Store((float*)target);
}

/// <summary>16 bits.</summary>
internal readonly unsafe struct HalfElement : ICacheElement
{
    public static int Size => sizeof(ushort);

    public static float Scale => HalfVectors.Rebias;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(byte* source) => HalfVectors.WidenUnscaled(source);

    public static void Store(float* source, byte* target) => HalfVectors.Narrow(Vector256.Load(source)).Store((ushort*)target);
}
