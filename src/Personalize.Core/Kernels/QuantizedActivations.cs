using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Personalize.Core.Quantization;

namespace Personalize.Core.Kernels;

/// <summary>
/// Activations rounded in blocks of 32 with a single-precision scale and the sum of each block: to one plane of 8 bits, <c>q = round(x * 127 / max|x|)</c>,
/// or to two, <c>q = round(x * 32258 / max|x|) = 254 * high + low</c>.
/// One set of buffers, planned for the largest chunk and filled anew before each product. Not thread-safe to fill the same token twice at once.
/// </summary>
public sealed unsafe class QuantizedActivations : IDisposable
{
    /// <summary>What the high plane counts in units of the low one: both then fit into -127..127.</summary>
    internal const int PlaneRatio = 254;

    private readonly NativeBuffer<sbyte> _quants;
    private readonly NativeBuffer<short> _wide;
    private readonly NativeBuffer<float> _scales;
    private readonly NativeBuffer<int> _sums;

    /// <summary>Allocates room.</summary>
    /// <param name="maxTokens">The most rows a product has.</param>
    /// <param name="maxColumns">The most columns a row has.</param>
    public QuantizedActivations(int maxTokens, int maxColumns)
    {
        var padded = (maxColumns + PackedMatrix.ColumnsPerBlock - 1) / PackedMatrix.ColumnsPerBlock * PackedMatrix.ColumnsPerBlock;
        _quants = new NativeBuffer<sbyte>(2L * maxTokens * padded);
        _wide = new NativeBuffer<short>((long)maxTokens * padded);
        _scales = new NativeBuffer<float>((long)maxTokens * padded / PackedMatrix.ColumnsPerBlock);
        _sums = new NativeBuffer<int>(_scales.Length);
    }

    /// <summary>The columns of the rows that were last quantized.</summary>
    public int Columns { get; private set; }

    /// <summary>How the rows were last rounded.</summary>
    public ActivationRounding Rounding { get; private set; }

    /// <summary>How many bytes the buffers take.</summary>
    public long ByteLength => _quants.ByteLength + _wide.ByteLength + _scales.ByteLength + _sums.ByteLength;

    /// <summary><c>[tokens, columns]</c>, the only plane or the high one.</summary>
    internal sbyte* Quants => _quants.Pointer;

    /// <summary>The low plane, <c>[tokens, columns]</c>.</summary>
    internal sbyte* LowQuants => _quants.Pointer + (_quants.Length / 2);

    /// <summary>Both planes together, <c>254 * high + low</c>, <c>[tokens, columns]</c>; meaningful for two planes.</summary>
    internal short* WideQuants => _wide.Pointer;

    /// <summary><c>[tokens, blocks]</c>.</summary>
    internal float* Scales => _scales.Pointer;

    /// <summary>The sum of the 32 rounded values (both planes together), <c>[tokens, blocks]</c>.</summary>
    internal int* Sums => _sums.Pointer;

    /// <summary>Rounds rows.</summary>
    /// <param name="pool">The threads, used where there are many rows.</param>
    /// <param name="x"><c>[tokens, columns]</c>, finite.</param>
    /// <param name="tokens">How many rows there are.</param>
    /// <param name="columns">The length of a row; a multiple of 32.</param>
    /// <param name="rounding">How finely.</param>
    public void Fill(WorkerPool pool, float* x, int tokens, int columns, ActivationRounding rounding)
    {
        if (columns % PackedMatrix.ColumnsPerBlock != 0 || (long)tokens * columns > _quants.Length / 2)
        {
            throw new ArgumentOutOfRangeException(nameof(columns), columns, $"{tokens} rows do not fit or do not fill blocks of {PackedMatrix.ColumnsPerBlock}");
        }

        Columns = columns;
        Rounding = rounding;
        var work = new FillWork
        {
            X = x,
            Quants = Quants,
            LowQuants = rounding == ActivationRounding.TwoPlanes ? LowQuants : null,
            WideQuants = WideQuants,
            Scales = Scales,
            Sums = Sums,
            BlocksPerToken = columns / PackedMatrix.ColumnsPerBlock,
        };
        pool.Run(ref work, tokens, grain: 4);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _quants.Dispose();
        _wide.Dispose();
        _scales.Dispose();
        _sums.Dispose();
    }

    /// <summary>The definition, for one block; <paramref name="low"/> is null for one plane.</summary>
    internal static void QuantizeBlockScalar(float* x, sbyte* high, sbyte* low, out float scale, out int sum)
    {
        var largest = 0f;
        for (var i = 0; i < PackedMatrix.ColumnsPerBlock; i++)
        {
            largest = MathF.Max(largest, MathF.Abs(x[i]));
        }

        var steps = low is null ? 127f : 127f * PlaneRatio;
        scale = largest / steps;
        var inverse = largest > 0f ? steps / largest : 0f;
        sum = 0;
        for (var i = 0; i < PackedMatrix.ColumnsPerBlock; i++)
        {
            var q = (int)MathF.Round(x[i] * inverse);
            sum += q;
            if (low is null)
            {
                high[i] = (sbyte)q;
            }
            else
            {
                var h = (int)MathF.Round(q * (1f / PlaneRatio));
                high[i] = (sbyte)h;
                low[i] = (sbyte)(q - (PlaneRatio * h));
            }
        }
    }

    internal static void QuantizeBlock(float* x, sbyte* high, sbyte* low, out float scale, out int sum)
    {
        if (!Avx2.IsSupported)
        {
            QuantizeBlockScalar(x, high, low, out scale, out sum);
            return;
        }

        var v0 = Vector256.Load(x);
        var v1 = Vector256.Load(x + 8);
        var v2 = Vector256.Load(x + 16);
        var v3 = Vector256.Load(x + 24);
        var max = Vector256.Max(Vector256.Max(Vector256.Abs(v0), Vector256.Abs(v1)), Vector256.Max(Vector256.Abs(v2), Vector256.Abs(v3)));
        var half = Vector128.Max(max.GetLower(), max.GetUpper());
        half = Vector128.Max(half, Vector128.Shuffle(half, Vector128.Create(2, 3, 0, 1)));
        var largest = MathF.Max(half[0], half[1]);
        var steps = low is null ? 127f : 127f * PlaneRatio;
        scale = largest / steps;
        var inverse = Vector256.Create(largest > 0f ? steps / largest : 0f);
        var q0 = Avx.ConvertToVector256Int32(v0 * inverse);
        var q1 = Avx.ConvertToVector256Int32(v1 * inverse);
        var q2 = Avx.ConvertToVector256Int32(v2 * inverse);
        var q3 = Avx.ConvertToVector256Int32(v3 * inverse);
        sum = Vector256.Sum(q0 + q1 + q2 + q3);
        if (low is null)
        {
            StoreBytes(q0, q1, q2, q3, high);
            return;
        }

        var h0 = HighPlane(q0);
        var h1 = HighPlane(q1);
        var h2 = HighPlane(q2);
        var h3 = HighPlane(q3);
        StoreBytes(h0, h1, h2, h3, high);
        StoreBytes(q0 - (h0 * PlaneRatio), q1 - (h1 * PlaneRatio), q2 - (h2 * PlaneRatio), q3 - (h3 * PlaneRatio), low);
    }

    private static void Join(sbyte* high, sbyte* low, short* wide)
    {
        for (var i = 0; i < PackedMatrix.ColumnsPerBlock; i += Vector128<short>.Count)
        {
            var h = Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(long*)(high + i)).AsSByte());
            var l = Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(long*)(low + i)).AsSByte());
            ((h * PlaneRatio) + l).Store(wide + i);
        }
    }

    private static Vector256<int> HighPlane(Vector256<int> q) => Avx.ConvertToVector256Int32(Vector256.ConvertToSingle(q) * (1f / PlaneRatio));

    private static void StoreBytes(Vector256<int> q0, Vector256<int> q1, Vector256<int> q2, Vector256<int> q3, sbyte* target)
    {
        var bytes = Avx2.PackSignedSaturate(Avx2.PackSignedSaturate(q0, q1), Avx2.PackSignedSaturate(q2, q3));

        // Packing works within 128-bit lanes; this puts the groups of four back into order.
        Avx2.PermuteVar8x32(bytes.AsInt32(), Vector256.Create(0, 4, 1, 5, 2, 6, 3, 7)).AsSByte().Store(target);
    }

    private struct FillWork : IParallelWork
    {
        public float* X;
        public sbyte* Quants;
        public sbyte* LowQuants;
        public short* WideQuants;
        public float* Scales;
        public int* Sums;
        public int BlocksPerToken;

        public readonly void Execute(int start, int end)
        {
            for (var block = (long)start * BlocksPerToken; block < (long)end * BlocksPerToken; block++)
            {
                var at = block * PackedMatrix.ColumnsPerBlock;
                QuantizeBlock(X + at, Quants + at, LowQuants is null ? null : LowQuants + at, out Scales[block], out Sums[block]);
                if (LowQuants is not null)
                {
                    Join(Quants + at, LowQuants + at, WideQuants + at);
                }
            }
        }
    }
}
