using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

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

/// <summary>A format of cached keys and values.</summary>
internal unsafe interface ICacheElement : IVectorElement
{
    /// <summary>Whether each head's key and each head's value of a token has a scale of its own, which the kernel applies to scores and weights instead of to elements.</summary>
    static abstract bool IsScaled { get; }

    /// <summary>Sixteen numbers, divided by <see cref="IVectorElement.Scale"/>; only where there are 512-bit vectors.</summary>
    static abstract Vector512<float> LoadSixteen(byte* source);

    /// <summary>Eight numbers and eight others, divided by <see cref="IVectorElement.Scale"/>; only where there are 512-bit vectors.</summary>
    static abstract Vector512<float> LoadSixteen(byte* first, byte* second);
}

/// <summary>32 bits.</summary>
internal readonly unsafe struct SingleElement : ICacheElement
{
    public static int Size => sizeof(float);

    public static float Scale => 1f;

    public static bool IsScaled => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(byte* source) => Vector256.Load((float*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadSixteen(byte* source) => Vector512.Load((float*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadSixteen(byte* first, byte* second) => Vector256.Load((float*)first).ToVector512().WithUpper(Vector256.Load((float*)second));

    public static void Store(float* source, byte* target) => Vector256.Load(source).Store((float*)target);
}

/// <summary>16 bits.</summary>
internal readonly unsafe struct HalfElement : ICacheElement
{
    public static int Size => sizeof(ushort);

    public static float Scale => HalfVectors.Rebias;

    public static bool IsScaled => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(byte* source) => HalfVectors.WidenUnscaled(source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadSixteen(byte* source) => HalfVectors.WidenUnscaled(Vector256.Load((short*)source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadSixteen(byte* first, byte* second) => HalfVectors.WidenUnscaled(Vector128.Load((short*)first).ToVector256().WithUpper(Vector128.Load((short*)second)));

    public static void Store(float* source, byte* target) => HalfVectors.Narrow(Vector256.Load(source)).Store((ushort*)target);
}

/// <summary>8 bits, integers from -127 to 127 of a scale that is kept apart.</summary>
internal readonly unsafe struct ByteElement : ICacheElement
{
    /// <summary>The largest integer.</summary>
    public const int Steps = 127;

    public static int Size => sizeof(sbyte);

    public static float Scale => 1f;

    public static bool IsScaled => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(byte* source)
    {
        if (Avx2.IsSupported)
        {
            return Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32((sbyte*)source));
        }

        var wide = Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(long*)source).AsSByte());
        return Vector256.ConvertToSingle(Vector256.Create(Vector128.WidenLower(wide), Vector128.WidenUpper(wide)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadSixteen(byte* source) => Vector512.ConvertToSingle(Avx512F.ConvertToVector512Int32(Vector128.Load((sbyte*)source)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadSixteen(byte* first, byte* second) => Vector512.ConvertToSingle(Avx512F.ConvertToVector512Int32(Vector128.Create(*(long*)first, *(long*)second).AsSByte()));

    /// <summary>To the nearest integer, ties to even; the numbers must be within the integers' range.</summary>
    public static void Store(float* source, byte* target)
    {
        *(long*)target = Narrow(Vector256.ConvertToInt32Native(Vector256.Round(Vector256.Load(source))));
    }

    /// <summary>Eight integers within the range as the bytes of a number, the first in the lowest.</summary>
    public static long Narrow(Vector256<int> values)
    {
        var narrow = Vector128.Narrow(values.GetLower(), values.GetUpper());
        return Vector128.Narrow(narrow, narrow).AsInt64()[0];
    }
}
