using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Personalize.Core.Kernels;

/// <summary>A number format of what is kept in memory and computed with in single precision: cached keys and values, adapters. Kernels are compiled once for each.</summary>
internal unsafe interface IVectorElement
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
internal readonly unsafe struct SingleElement : IVectorElement
{
    public static int Size => sizeof(float);

    public static float Scale => 1f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(byte* source) => Vector256.Load((float*)source);

    public static void Store(float* source, byte* target) => Vector256.Load(source).Store((float*)target);
}

/// <summary>16 bits.</summary>
internal readonly unsafe struct HalfElement : IVectorElement
{
    public static int Size => sizeof(ushort);

    public static float Scale => HalfVectors.Rebias;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(byte* source) => HalfVectors.WidenUnscaled(source);

    public static void Store(float* source, byte* target) => HalfVectors.Narrow(Vector256.Load(source)).Store((ushort*)target);
}

/// <summary>16 bits, the upper half of single precision.</summary>
internal readonly unsafe struct BFloat16Element : IVectorElement
{
    public static int Size => sizeof(ushort);

    public static float Scale => 1f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(byte* source) => (Vector256.WidenLower(Vector128.Load((ushort*)source).ToVector256Unsafe()) << 16).AsSingle();

    /// <summary>To the nearest, ties to even; the numbers must be finite.</summary>
    public static void Store(float* source, byte* target)
    {
        var bits = Vector256.Load(source).AsUInt32();
        var rounded = (bits + Vector256.Create(0x7FFFu) + ((bits >>> 16) & Vector256.Create(1u))) >>> 16;
        Vector128.Narrow(rounded.GetLower(), rounded.GetUpper()).Store((ushort*)target);
    }
}
