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

    /// <summary>The squared error of a type, in the units of the outputs where inputs were watched.</summary>
    public double ErrorOf(int rung) => _errors[rung];

    /// <summary>The squared error over the squared update.</summary>
    public double RelativeErrorOf(int rung) => _updateEnergy > 0 ? _errors[rung] / _updateEnergy : 0;

    public long BytesOf(int rung) => BlockFormat.Of(Types[rung]).GetByteLength((long)_rows.Rows * _rows.Columns);

    public MergedTensor Describe() => new(Name, Layer, Module, Types[0], Types[Rung], BytesOf(0), BytesOf(Rung), RelativeErrorOf(Rung));

    /// <summary>Rounds to the base's own type with all care and measures what the wider ones would cost.</summary>
    /// <param name="pool">The threads.</param>
    /// <param name="statistics">H of the input <c>[columns, columns]</c>, or null where inputs were not watched.</param>
    /// <param name="factor">U of H, or null.</param>
    public void Prepare(WorkerPool pool, float* statistics, float* factor)
    {
        var weights = new float[_rows.Columns];
        for (var j = 0; j < weights.Length; j++)
        {
            weights[j] = statistics is null ? 1 : statistics[((long)j * weights.Length) + j];
        }

        Array.Clear(_errors);
        if (TypeLadder.HasSixteenLevels(Types[0]))
        {
            using var values = new NativeBuffer<float>((long)_rows.Rows * _rows.Columns);
            var pointer = values.Pointer;
            ForEachRow(pool, row => _rows.Read(row, new Span<float>(pointer + ((long)row * _rows.Columns), _rows.Columns)));
            _narrow = new byte[BytesOf(0)];
            _errors[0] = BlockRounding.Round(pool, Types[0], pointer, _rows.Rows, _rows.Columns, factor, weights, _narrow);
        }

        var errors = new double[Types.Length, _rows.Rows];
        var energies = new double[_rows.Rows];
        ForEachRow(pool, row =>
        {
            var exact = new float[_rows.Columns];
            var rounded = new float[_rows.Columns];
            _rows.AddUpdate(row, rounded);
            energies[row] = Energy(rounded, [], weights);
            _rows.Read(row, exact);
            for (var rung = _narrow is null ? 0 : 1; rung < Types.Length; rung++)
            {
                var bytes = new byte[BlockFormat.Of(Types[rung]).GetByteLength(_rows.Columns)];
                BlockCodec.Quantize(Types[rung], exact, bytes);
                BlockCodec.Dequantize(Types[rung], bytes, rounded);
                errors[rung, row] = Energy(exact, rounded, weights);
            }
        });
        _updateEnergy = energies.Sum();
        for (var rung = 0; rung < Types.Length; rung++)
        {
            for (var row = 0; row < _rows.Rows; row++)
            {
                _errors[rung] += errors[rung, row];
            }
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

    private static double Energy(ReadOnlySpan<float> left, ReadOnlySpan<float> right, ReadOnlySpan<float> weights)
    {
        var sum = 0d;
        for (var i = 0; i < left.Length; i++)
        {
            var difference = left[i] - (right.IsEmpty ? 0 : right[i]);
            sum += (double)weights[i] * difference * difference;
        }

        return sum;
    }

    private void ForEachRow(WorkerPool pool, Action<int> action) => Parallel.For(0, _rows.Rows, new ParallelOptions { MaxDegreeOfParallelism = pool.ThreadCount }, action);
}
