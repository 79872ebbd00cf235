using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Personalize.Core.Quantization;

namespace Personalize.Core.Kernels;

/// <summary>
/// Activations rounded to 8 bits in blocks of 32: <c>q = round(x * 127 / max|x|)</c>, <c>scale = max|x| / 127</c> in single precision, with the sum of each block.
/// One set of buffers, planned for the largest chunk and filled anew before each product. Not thread-safe to fill the same token twice at once.
/// </summary>
public sealed unsafe class QuantizedActivations : IDisposable
{
    private readonly NativeBuffer<sbyte> _quants;
    private readonly NativeBuffer<float> _scales;
    private readonly NativeBuffer<int> _sums;

    /// <summary>Allocates room.</summary>
    /// <param name="maxTokens">The most rows a product has.</param>
    /// <param name="maxColumns">The most columns a row has.</param>
    public QuantizedActivations(int maxTokens, int maxColumns)
    {
        var padded = (maxColumns + PackedMatrix.ColumnsPerBlock - 1) / PackedMatrix.ColumnsPerBlock * PackedMatrix.ColumnsPerBlock;
        _quants = new NativeBuffer<sbyte>((long)maxTokens * padded);
        _scales = new NativeBuffer<float>((long)maxTokens * padded / PackedMatrix.ColumnsPerBlock);
        _sums = new NativeBuffer<int>(_scales.Length);
    }

    /// <summary>The columns of the rows that were last quantized.</summary>
    public int Columns { get; private set; }

    /// <summary>How many bytes the buffers take.</summary>
    public long ByteLength => _quants.ByteLength + _scales.ByteLength + _sums.ByteLength;

    /// <summary><c>[tokens, columns]</c>.</summary>
    internal sbyte* Quants => _quants.Pointer;

    /// <summary><c>[tokens, blocks]</c>.</summary>
    internal float* Scales => _scales.Pointer;

    /// <summary>The sum of the 32 rounded values, <c>[tokens, blocks]</c>.</summary>
    internal int* Sums => _sums.Pointer;

    /// <summary>Rounds rows.</summary>
    /// <param name="pool">The threads, used where there are many rows.</param>
    /// <param name="x"><c>[tokens, columns]</c>, finite.</param>
    /// <param name="tokens">How many rows there are.</param>
    /// <param name="columns">The length of a row; a multiple of 32.</param>
    public void Fill(WorkerPool pool, float* x, int tokens, int columns)
    {
        if (columns % PackedMatrix.ColumnsPerBlock != 0 || (long)tokens * columns > _quants.Length)
        {
            throw new ArgumentOutOfRangeException(nameof(columns), columns, $"{tokens} rows do not fit or do not fill blocks of {PackedMatrix.ColumnsPerBlock}");
        }

        Columns = columns;
        var work = new FillWork { X = x, Quants = Quants, Scales = Scales, Sums = Sums, BlocksPerToken = columns / PackedMatrix.ColumnsPerBlock };
        pool.Run(ref work, tokens, grain: 4);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _quants.Dispose();
        _scales.Dispose();
        _sums.Dispose();
    }

    /// <summary>The definition, for one block.</summary>
    internal static void QuantizeBlockScalar(float* x, sbyte* quants, out float scale, out int sum)
    {
        var largest = 0f;
        for (var i = 0; i < PackedMatrix.ColumnsPerBlock; i++)
        {
            largest = MathF.Max(largest, MathF.Abs(x[i]));
        }

        scale = largest / 127f;
        var inverse = largest > 0f ? 127f / largest : 0f;
        sum = 0;
        for (var i = 0; i < PackedMatrix.ColumnsPerBlock; i++)
        {
            quants[i] = (sbyte)(int)MathF.Round(x[i] * inverse);
            sum += quants[i];
        }
    }

    internal static void QuantizeBlock(float* x, sbyte* quants, out float scale, out int sum)
    {
        if (!Avx2.IsSupported)
        {
            QuantizeBlockScalar(x, quants, out scale, out sum);
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
        scale = largest / 127f;
        var inverse = Vector256.Create(largest > 0f ? 127f / largest : 0f);
        var i0 = Avx.ConvertToVector256Int32(v0 * inverse);
        var i1 = Avx.ConvertToVector256Int32(v1 * inverse);
        var i2 = Avx.ConvertToVector256Int32(v2 * inverse);
        var i3 = Avx.ConvertToVector256Int32(v3 * inverse);
        sum = Vector256.Sum(i0 + i1 + i2 + i3);
        var bytes = Avx2.PackSignedSaturate(Avx2.PackSignedSaturate(i0, i1), Avx2.PackSignedSaturate(i2, i3));

        // Packing works within 128-bit lanes; this puts the groups of four back into order.
        Avx2.PermuteVar8x32(bytes.AsInt32(), Vector256.Create(0, 4, 1, 5, 2, 6, 3, 7)).AsSByte().Store(quants);
    }

    private struct FillWork : IParallelWork
    {
        public float* X;
        public sbyte* Quants;
        public float* Scales;
        public int* Sums;
        public int BlocksPerToken;

        public readonly void Execute(int start, int end)
        {
            for (var block = (long)start * BlocksPerToken; block < (long)end * BlocksPerToken; block++)
            {
                var at = block * PackedMatrix.ColumnsPerBlock;
                QuantizeBlock(X + at, Quants + at, out Scales[block], out Sums[block]);
            }
        }
    }
}
