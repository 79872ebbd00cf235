using System.Runtime.InteropServices;

namespace Personalize.Core.Kernels;

/// <summary>Eight inner products of a token with a pair's A, rounded to 8 bits: the value is <c>Scale</c> times the integer.</summary>
/// <param name="Scale">The largest magnitude by <see cref="ByteElement.Steps"/>.</param>
/// <param name="MinusExcess">What products with weights that are 128 too large hold too much, negative: -128 times the sum of the integers.</param>
/// <param name="First">The first four integers.</param>
/// <param name="Second">The other four.</param>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct RoundedInnerProducts(float Scale, int MinusExcess, int First, int Second);
