using Personalize.Core.Adapters;
using Personalize.Core.Errors;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Core.Quantization;

namespace Personalize.Inference.Merging;

/// <summary>One adapted tensor on its way to be merged: in which types it could be stored, what each takes and what error it makes. Rows are in half-split order throughout.</summary>
internal sealed unsafe class MergeCandidate
{
    private readonly MergedRows _rows;
    private readonly double[] _errors;
    private byte[]? _narrow;
    private double _updateEnergy;

    public MergeCandidate(DecoderModel model, LoraPair pair, float scale)
    {
        Layer = pair.Layer;
        Module = pair.Module;
        Name = MergedTensorNames.Of(pair.Layer, pair.Module);
        var weight = model.Weights.Layers[pair.Layer][pair.Module];
        _rows = new MergedRows(weight, pair, scale);
        Types = TypeLadder.From(TypeLadder.TypeOf(weight.Format));
        _errors = new double[Types.Length];

        // Until a text decides: the next wider type for what is quantized, whose own levels lie too far apart for most updates.
        Rung = BlockFormat.Of(Types[0]).ElementCount > 1 ? 1 : 0;
    }

    public int Layer { get; }

    public LinearModule Module { get; }

    public string Name { get; }

    /// <summary>The types from the base's own to the widest.</summary>
    public GgmlType[] Types { get; }

    /// <summary>Which of <see cref="Types"/> is chosen.</summary>
    public int Rung { get; set; }

    /// <summary>Whether the chosen type has a scale for a block of values, so that engines round the map's input too.</summary>
    public bool IsQuantized => BlockFormat.Of(Types[Rung]).ElementCount > 1;

    /// <summary>How many bytes the widest type takes more than the chosen one.</summary>
    public long BytesToWiden => BytesOf(Types.Length - 1) - BytesOf(Rung);

    /// <summary>The squared error of a type over the squared update, both as they appear in the map's output where inputs were watched.</summary>
    public double RelativeErrorOf(int rung) => _updateEnergy > 0 ? _errors[rung] / _updateEnergy : 0;

    public long BytesOf(int rung) => BlockFormat.Of(Types[rung]).GetByteLength((long)_rows.Rows * _rows.Columns);

    public MergedTensor Describe() => new(Name, Layer, Module, Types[0], Types[Rung], BytesOf(0), BytesOf(Rung), RelativeErrorOf(Rung));

    /// <summary>Rounds to the base's own type with all care and measures the error of every type.</summary>
    /// <param name="pool">The threads.</param>
    /// <param name="statistics">H of the input <c>[columns, columns]</c>, or null where inputs were not watched.</param>
    /// <param name="factor">U of H, or null.</param>
    public void Prepare(WorkerPool pool, float* statistics, float* factor)
    {
        var length = (long)_rows.Rows * _rows.Columns;
        using var values = new NativeBuffer<float>(length);
        using var product = new NativeBuffer<float>(statistics is null ? 0 : length);
        var pointer = values.Pointer;
        var columns = _rows.Columns;
        Span<float> RowOf(int row) => new(pointer + ((long)row * columns), columns);

        _narrow = null;
        if (TypeLadder.HasSixteenLevels(Types[0]))
        {
            var weights = new float[columns];
            for (var j = 0; j < columns; j++)
            {
                weights[j] = statistics is null ? 1 : statistics[((long)j * columns) + j];
            }

            ForEachRow(pool, row => _rows.Read(row, RowOf(row)));
            _narrow = new byte[BytesOf(0)];
            BlockRounding.Round(pool, Types[0], pointer, _rows.Rows, columns, factor, weights, _narrow);
        }

        ForEachRow(pool, row => _rows.ReadUpdate(row, RowOf(row)));
        _updateEnergy = Energy(pool, pointer, statistics, product);
        for (var rung = 0; rung < Types.Length; rung++)
        {
            var type = Types[rung];
            var bytes = rung == 0 ? _narrow : null;
            var rowBytes = (int)BlockFormat.Of(type).GetByteLength(columns);
            ForEachRow(pool, row =>
            {
                var exact = new float[columns];
                _rows.Read(row, exact);
                var stored = bytes is null ? new byte[rowBytes] : bytes.AsSpan(row * rowBytes, rowBytes);
                if (bytes is null)
                {
                    BlockCodec.Quantize(type, exact, stored);
                }

                var difference = RowOf(row);
                BlockCodec.Dequantize(type, stored, difference);
                for (var j = 0; j < columns; j++)
                {
                    difference[j] -= exact[j];
                }
            });
            _errors[rung] = Energy(pool, pointer, statistics, product);
        }
    }

    /// <summary>The chosen form, row after row as a file stores rows.</summary>
    /// <exception cref="AdapterFormatException">A merged value is outside what the type can hold.</exception>
    public byte[] Encode(WorkerPool pool)
    {
        var type = Types[Rung];
        var bytes = Rung == 0 ? _narrow : null;
        if (bytes is null)
        {
            var rowBytes = (int)BlockFormat.Of(type).GetByteLength(_rows.Columns);
            var target = bytes = new byte[BytesOf(Rung)];
            ForEachRow(pool, row =>
            {
                var exact = new float[_rows.Columns];
                _rows.Read(row, exact);
                BlockCodec.Quantize(type, exact, target.AsSpan(row * rowBytes, rowBytes));
            });
        }

        return BlockCodec.IndexOfNonFinite(type, bytes) < 0
            ? bytes
            : throw new AdapterFormatException(AdapterFormatError.NonFinite, Name, $"with the adapter added its values are outside the range of {type}: the adapter is damaged, use another", tensor: Name);
    }

    /// <summary>The chosen form packed for the kernels.</summary>
    public PackedMatrix Pack(WorkerPool pool) => PackedMatrix.Pack(TypeLadder.FormatOf(Types[Rung]), Encode(pool), _rows.Rows, _rows.Columns);

    /// <summary><c>tr(E H E^T)</c>, the mean squared output of E on the watched inputs; without H the sum of squares.</summary>
    private double Energy(WorkerPool pool, float* e, float* h, NativeBuffer<float> product)
    {
        var (rows, columns) = (_rows.Rows, _rows.Columns);
        var other = e;
        if (h is not null)
        {
            other = product.Pointer;
            DenseMultiply.Run(pool, e, columns, 1, h, columns, other, columns, rows, columns, columns, accumulate: false);
        }

        var sums = new double[rows];
        ForEachRow(pool, row =>
        {
            var sum = 0d;
            for (var i = (long)row * columns; i < (row + 1L) * columns; i++)
            {
                sum += (double)e[i] * other[i];
            }

            sums[row] = sum;
        });
        return sums.Sum();
    }

    private void ForEachRow(WorkerPool pool, Action<int> action) => Parallel.For(0, _rows.Rows, new ParallelOptions { MaxDegreeOfParallelism = pool.ThreadCount }, action);
}
