using System.Runtime.Intrinsics;

namespace Personalize.Core.Kernels;

/// <summary>Exact integer dot products within a lane of 32 bits, the one step in which instruction sets differ.</summary>
internal interface IDotProduct
{
    /// <summary>What sums of signed products hold too much of for each unit of the sum of x; 0 where they are exact as they stand.</summary>
    static abstract int Excess { get; }

    /// <summary>Whether the instruction that multiplies sums in 32 bits, where products of weights 16 times as large have room.</summary>
    static abstract bool SumsWide { get; }

    /// <summary>Begins a running sum, in whatever form it has, of products of weights of 4 bits with activations of 8; at most eight times four are summed before <see cref="Total"/>, which is given the same start.</summary>
    static abstract Vector256<int> Begin(Vector256<int> start);

    /// <summary>Adds products of four weights with four activations to a running sum.</summary>
    static abstract Vector256<int> MultiplyAdd(Vector256<int> sum, Vector256<byte> weights, Vector256<sbyte> x);

    /// <summary>The running sum as eight numbers, what it started at among them.</summary>
    static abstract Vector256<int> Total(Vector256<int> start, Vector256<int> sum);

    /// <summary>The form in which the instruction that multiplies wants 8-bit weights beside the weights themselves: computed once for all tokens.</summary>
    static abstract Vector256<byte> Unsigned(Vector256<sbyte> weights);

    /// <summary><c>sum + w[0] x[0] + ... + w[3] x[3] + Excess (x[0] + ... + x[3])</c> in each lane, x within 127.</summary>
    static abstract Vector256<int> MultiplyAdd(Vector256<int> sum, Vector256<sbyte> weights, Vector256<byte> unsigned, Vector256<sbyte> x);
}
