using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Personalize.Core.Kernels;

namespace Personalize.Core.Quantization;

/// <summary>
/// A frozen weight <c>[rows = out, columns = in]</c> in the layout that streams: eight rows interleaved, as many bytes as in the file.
/// </summary>
/// <remarks>
/// A group of eight rows is a run of blocks of 32 columns. A block of a quantized format holds eight half-precision scales, for <see cref="WeightFormat.Q4One"/> eight offsets,
/// then vectors of 32 bytes, four columns of each of the eight rows side by side: for 4 bits four vectors, the low nibbles of vector j being columns 4j to 4j+3 and the high ones 16 columns on;
/// for 8 bits eight vectors. The unquantized formats hold, column after column, the eight rows' elements. Read-only after construction but for <see cref="Overwrite"/>, and safe to share between threads.
/// </remarks>
public sealed unsafe class PackedMatrix : IDisposable
{
    /// <summary>How many rows are interleaved.</summary>
    public const int RowsPerGroup = 8;

    /// <summary>How many columns share a scale.</summary>
    public const int ColumnsPerBlock = 32;

    private readonly NativeBuffer<byte>? _data;
    private readonly WeightArena? _arena;

    private PackedMatrix(NativeBuffer<byte>? data, WeightArena? arena, in MatrixView view)
    {
        _data = data;
        _arena = arena;
        View = view;
    }

    /// <summary>The size of the output.</summary>
    public int Rows => View.Rows;

    /// <summary>The size of the input.</summary>
    public int Columns => View.Columns;

    /// <summary>How elements are stored.</summary>
    public WeightFormat Format => View.Format;

    /// <summary>How many bytes the packed form takes.</summary>
    public long ByteLength => View.GroupStride * View.GroupCount;

    /// <summary>The matrix as kernels see it; valid until disposal.</summary>
    public MatrixView View { get; }

    /// <summary>How many bytes a row of the file's layout takes.</summary>
    /// <param name="format">The format.</param>
    /// <param name="columns">The elements of a row.</param>
    /// <returns>Bytes.</returns>
    public static long GetRowBytes(WeightFormat format, int columns) => format switch
    {
        WeightFormat.Q4Zero => columns / ColumnsPerBlock * 18L,
        WeightFormat.Q4One => columns / ColumnsPerBlock * 20L,
        WeightFormat.Q8Zero => columns / ColumnsPerBlock * 34L,
        WeightFormat.Float16 or WeightFormat.BFloat16 => columns * 2L,
        WeightFormat.Float32 => columns * 4L,
        _ => throw new ArgumentOutOfRangeException(nameof(format), format, "not a weight format"),
    };

    /// <summary>How many bytes a packed matrix takes.</summary>
    /// <param name="format">The format.</param>
    /// <param name="rows">The size of the output.</param>
    /// <param name="columns">The size of the input.</param>
    /// <returns>Bytes.</returns>
    public static long GetPackedBytes(WeightFormat format, int rows, int columns) => GetRowBytes(format, columns) * ((rows + RowsPerGroup - 1) / RowsPerGroup * RowsPerGroup);

    /// <summary>Packs rows as they lie in a model file.</summary>
    /// <param name="format">The format of both layouts.</param>
    /// <param name="source">The file's bytes, row after row.</param>
    /// <param name="rows">The size of the output.</param>
    /// <param name="columns">The size of the input; a multiple of 32 for quantized formats.</param>
    /// <param name="sourceRow">Which row of the file becomes row i; null keeps the order.</param>
    /// <param name="arena">Where the matrix lies, and must outlive it; null gives it memory of its own.</param>
    /// <param name="place">Which of the arena's matrices it is.</param>
    /// <returns>The packed matrix; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">The source is too short or the columns do not fill blocks.</exception>
    public static PackedMatrix Pack(WeightFormat format, ReadOnlySpan<byte> source, int rows, int columns, Func<int, int>? sourceRow = null, WeightArena? arena = null, int place = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rows);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(columns);
        var quantized = format is WeightFormat.Q4Zero or WeightFormat.Q4One or WeightFormat.Q8Zero;
        if (quantized && columns % ColumnsPerBlock != 0)
        {
            throw new ArgumentException($"{columns} columns do not fill blocks of {ColumnsPerBlock}", nameof(columns));
        }

        var rowBytes = GetRowBytes(format, columns);
        if (source.Length < rowBytes * rows)
        {
            throw new ArgumentException($"{source.Length} bytes are fewer than {rows} rows of {rowBytes}", nameof(source));
        }

        var groups = (rows + RowsPerGroup - 1) / RowsPerGroup;
        var groupStride = rowBytes * RowsPerGroup;
        var data = arena is null ? new NativeBuffer<byte>(groupStride * groups) : null;
        var first = data is null ? arena![place] : data.Pointer;
        for (var row = 0; row < rows; row++)
        {
            var from = source.Slice(checked((int)(rowBytes * (sourceRow?.Invoke(row) ?? row))), (int)rowBytes);
            var group = first + ((row / RowsPerGroup) * groupStride);
            var lane = row % RowsPerGroup;
            switch (format)
            {
                case WeightFormat.Q4Zero:
                    PackBlocks(from, group, lane, columns, halves: 1, vectors: 4);
                    break;
                case WeightFormat.Q4One:
                    PackBlocks(from, group, lane, columns, halves: 2, vectors: 4);
                    break;
                case WeightFormat.Q8Zero:
                    PackBlocks(from, group, lane, columns, halves: 1, vectors: 8);
                    break;
                default:
                    PackElements(from, group, lane, columns, format == WeightFormat.Float32 ? 4 : 2);
                    break;
            }
        }

        return new PackedMatrix(data, arena, new MatrixView((nint)first, rows, columns, format, groupStride));
    }

    /// <summary>Replaces all elements of a single-precision matrix: for training its weights. The one way in which a packed matrix changes; nobody may read it meanwhile.</summary>
    /// <param name="pool">The threads.</param>
    /// <param name="values">The new elements, <c>[rows, columns]</c>, row-major.</param>
    /// <exception cref="InvalidOperationException">The matrix is not <see cref="WeightFormat.Float32"/>.</exception>
    public void Overwrite(WorkerPool pool, float* values)
    {
        ArgumentNullException.ThrowIfNull(pool);
        if (Format != WeightFormat.Float32)
        {
            throw new InvalidOperationException($"a matrix of {Format} is frozen");
        }

        var work = new OverwriteWork { Target = View, Values = values };
        pool.Run(ref work, View.GroupCount, grain: 8);
    }

    /// <summary>Decodes one row, in exact single precision.</summary>
    /// <param name="row">The row, counted from 0.</param>
    /// <param name="destination">Receives <see cref="Columns"/> elements.</param>
    /// <remarks>The scalar reference of every kernel that unpacks tiles.</remarks>
    public void ReadRow(int row, Span<float> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(row);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(row, Rows);
        for (var column = 0; column < Columns; column++)
        {
            destination[column] = PackedElement.Read(View, row, column);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _data?.Dispose();
        GC.KeepAlive(_arena);
    }

    private struct OverwriteWork : IParallelWork
    {
        public MatrixView Target;
        public float* Values;

        public readonly void Execute(int start, int end)
        {
            for (var group = start; group < end; group++)
            {
                var target = (float*)Target.Group(group);
                var row = group * RowsPerGroup;
                var rows = Math.Min(RowsPerGroup, Target.Rows - row);
                for (var lane = 0; lane < rows; lane++)
                {
                    var source = Values + ((long)(row + lane) * Target.Columns);
                    for (var column = 0; column < Target.Columns; column++)
                    {
                        target[(column * RowsPerGroup) + lane] = source[column];
                    }
                }
            }
        }
    }

    private static void PackBlocks(ReadOnlySpan<byte> from, byte* group, int lane, int columns, int halves, int vectors)
    {
        var sourceBlock = (halves * 2) + (vectors * 4);
        var packedBlock = sourceBlock * RowsPerGroup;
        for (var block = 0; block < columns / ColumnsPerBlock; block++)
        {
            var source = from.Slice(block * sourceBlock, sourceBlock);
            var target = group + ((long)block * packedBlock);
            for (var half = 0; half < halves; half++)
            {
                *(ushort*)(target + (half * 2 * RowsPerGroup) + (lane * 2)) = BinaryPrimitives.ReadUInt16LittleEndian(source[(half * 2)..]);
            }

            target += halves * 2 * RowsPerGroup;
            for (var vector = 0; vector < vectors; vector++)
            {
                *(uint*)(target + (vector * 4 * RowsPerGroup) + (lane * 4)) = MemoryMarshal.Read<uint>(source[((halves * 2) + (vector * 4))..]);
            }
        }
    }

    private static void PackElements(ReadOnlySpan<byte> from, byte* group, int lane, int columns, int size)
    {
        for (var column = 0; column < columns; column++)
        {
            from.Slice(column * size, size).CopyTo(new Span<byte>(group + ((((long)column * RowsPerGroup) + lane) * size), size));
        }
    }
}
