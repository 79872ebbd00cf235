using System.Runtime.Intrinsics;
using Personalize.Core.Kernels;

namespace Personalize.Core.Tests.Kernels;

/// <summary>The bit tricks against .NET's own conversion, which works a number at a time.</summary>
public sealed unsafe class HalfVectorsTests
{
    private const int LargestFinite = 0x7BFF;

    [Fact]
    public void Every_finite_half_survives_both_ways_and_rounds_from_its_neighbours_as_the_definition_says()
    {
        for (var bits = 0; bits <= LargestFinite; bits++)
        {
            var value = (float)BitConverter.UInt16BitsToHalf((ushort)bits);
            var next = (float)BitConverter.UInt16BitsToHalf((ushort)Math.Min(bits + 1, LargestFinite));
            var tie = (value + next) / 2;
            Check([value, -value, tie, -tie, MathF.BitIncrement(tie), MathF.BitDecrement(tie), MathF.BitIncrement(value), MathF.BitDecrement(next)]);
            Assert.Equal(bits, HalfVectors.NarrowScalar(value));
        }
    }

    [Fact]
    public void What_is_too_large_becomes_the_largest_and_what_is_too_small_zero()
    {
        Check([65504f, 65519.9f, 65520f, 1e30f, -1e30f, float.MaxValue, 1e-30f, float.Epsilon]);
        Check([0f, -0f, 2.9802322e-8f, 2.9802326e-8f, 6.1035156e-5f, 6.1005e-5f, -6.1035153e-5f, 1.00048828125f]);
    }

    private static void Check(float[] values)
    {
        fixed (float* p = values)
        {
            var narrowed = HalfVectors.Narrow(Vector256.Load(p));
            var widened = HalfVectors.Widen((byte*)&narrowed);
            for (var lane = 0; lane < 8; lane++)
            {
                Assert.Equal(HalfVectors.NarrowScalar(values[lane]), narrowed[lane]);
                Assert.Equal((float)BitConverter.UInt16BitsToHalf(narrowed[lane]), widened[lane]);
            }
        }
    }
}
