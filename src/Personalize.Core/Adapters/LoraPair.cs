namespace Personalize.Core.Adapters;

/// <summary>The two matrices that adapt one linear map, and what else of it is trained beside them. Rows of <see cref="B"/> follow the unpermuted (Hugging Face, half-split RoPE) order, which is also the order of the engine's packed weights.</summary>
public sealed class LoraPair
{
    /// <summary>Takes ownership of the arrays.</summary>
    /// <param name="layer">The layer, counted from 0.</param>
    /// <param name="module">The adapted linear map.</param>
    /// <param name="rank">The inner dimension r.</param>
    /// <param name="a"><c>[r, in]</c>, row-major.</param>
    /// <param name="b"><c>[out, r]</c>, row-major.</param>
    /// <param name="magnitude">The rows' lengths with DoRA (arXiv 2402.09353), <c>[out]</c>; null without.</param>
    /// <param name="bias">The bias that takes the place of the base's, <c>[out]</c>; null where the base's stays, or has none.</param>
    /// <exception cref="ArgumentException">A length is not a multiple of the rank, or there are not as many magnitudes or biases as outputs.</exception>
    public LoraPair(int layer, LinearModule module, int rank, float[] a, float[] b, float[]? magnitude = null, float[]? bias = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(layer);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rank);
        if (a.Length == 0 || b.Length == 0 || a.Length % rank != 0 || b.Length % rank != 0)
        {
            throw new ArgumentException($"lengths {a.Length} and {b.Length} are not multiples of rank {rank}", nameof(rank));
        }

        if (magnitude is not null && magnitude.Length != b.Length / rank)
        {
            throw new ArgumentException($"{magnitude.Length} magnitudes are not one for each of {b.Length / rank} outputs", nameof(magnitude));
        }

        if (bias is not null && bias.Length != b.Length / rank)
        {
            throw new ArgumentException($"{bias.Length} biases are not one for each of {b.Length / rank} outputs", nameof(bias));
        }

        Layer = layer;
        Module = module;
        Rank = rank;
        A = a;
        B = b;
        Magnitude = magnitude;
        Bias = bias;
    }

    /// <summary>The layer, counted from 0.</summary>
    public int Layer { get; }

    /// <summary>The adapted linear map.</summary>
    public LinearModule Module { get; }

    /// <summary>The inner dimension r.</summary>
    public int Rank { get; }

    /// <summary><c>[r, in]</c>, row-major.</summary>
    public float[] A { get; }

    /// <summary><c>[out, r]</c>, row-major.</summary>
    public float[] B { get; }

    /// <summary>The length that each row of <c>W + scale * B A</c> is brought to (DoRA), <c>[out]</c> in the order of the rows of <see cref="B"/>; null without.</summary>
    public float[]? Magnitude { get; }

    /// <summary>The map's bias with the adapter, in place of the base's and not added to it, <c>[out]</c> in the order of the rows of <see cref="B"/>; null where the base's stays, or has none.</summary>
    public float[]? Bias { get; }

    /// <summary>The size of the adapted map's input.</summary>
    public int InputSize => A.Length / Rank;

    /// <summary>The size of the adapted map's output.</summary>
    public int OutputSize => B.Length / Rank;
}
