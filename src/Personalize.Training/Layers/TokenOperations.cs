using System.Runtime.Intrinsics;
using Personalize.Core.Kernels;
using Personalize.Core.Quantization;

namespace Personalize.Training.Layers;

/// <summary>The operations that treat each token by itself, divided between the threads by token.</summary>
internal static unsafe class TokenOperations
{
    private const int TokensPerUnit = 8;
    private const int ColumnsPerUnit = 64;

    /// <summary><c>y[tokens, hidden] = embedding[ids]</c>.</summary>
    public static void Embed(WorkerPool pool, PackedMatrix embedding, int* ids, float* y, int tokens)
    {
        var work = new EmbedWork { Embedding = embedding, Ids = ids, Y = y };
        pool.Run(ref work, tokens, TokensPerUnit);
    }

    /// <summary>Rotates the heads of each token by its position, or with <paramref name="inverse"/> takes a gradient back through that; x is <c>[tokens, heads, headDim]</c>.</summary>
    public static void Rotate(WorkerPool pool, RotaryTable rotary, int* positions, float* x, int tokens, int heads, int headDimension, bool inverse)
    {
        var work = new RotaryWork { Rotary = rotary, Positions = positions, X = x, Heads = heads, Size = heads * headDimension, Inverse = inverse };
        pool.Run(ref work, tokens, TokensPerUnit);
    }

    /// <summary><c>y = norm(x) * gain</c>, all <c>[tokens, size]</c>.</summary>
    public static void Normalize(WorkerPool pool, float* x, float* gain, float* y, int tokens, int size, float epsilon)
    {
        var work = new NormWork { X = x, Gain = gain, Y = y, Size = size, Epsilon = epsilon };
        pool.Run(ref work, tokens, TokensPerUnit);
    }

    /// <summary><c>y = silu(gate) * up</c>, all <c>[tokens, size]</c>.</summary>
    public static void Gate(WorkerPool pool, float* gate, float* up, float* y, int tokens, int size)
    {
        var work = new GateWork { Gate = gate, Up = up, Y = y, Size = size };
        pool.Run(ref work, tokens, TokensPerUnit);
    }

    /// <summary><c>y += x</c>, both <c>[tokens, size]</c>; with <paramref name="repeat"/> the one row x is added to every row.</summary>
    public static void Add(WorkerPool pool, float* x, float* y, int tokens, int size, bool repeat = false)
    {
        var work = new AddWork { X = x, Y = y, Size = size, Repeat = repeat };
        pool.Run(ref work, tokens, TokensPerUnit);
    }

    /// <summary><c>y[ids[t], :] += x[t, :]</c> in the order of tokens, by one thread: the same row may come again. x is <c>[tokens, size]</c>.</summary>
    public static void AddToRows(int* ids, float* x, float* y, int tokens, int size)
    {
        for (long token = 0; token < tokens; token++)
        {
            var work = new AddWork { X = x + (token * size), Y = y + ((long)ids[token] * size), Size = size };
            work.Execute(0, 1);
        }
    }

    /// <summary><c>y[i] += sum over tokens of x[t, i]</c>, in the order of tokens; x is <c>[tokens, size]</c>.</summary>
    public static void AddColumnSums(WorkerPool pool, float* x, float* y, int tokens, int size)
    {
        var work = new ColumnSumWork { X = x, Y = y, Tokens = tokens, Size = size };
        pool.Run(ref work, (size + ColumnsPerUnit - 1) / ColumnsPerUnit);
    }

    // The work lies on the caller's stack while the threads read it, so the objects in it stay alive and where they move is followed.
    private struct EmbedWork : IParallelWork
    {
        public PackedMatrix Embedding;
        public int* Ids;
        public float* Y;

        public readonly void Execute(int start, int end)
        {
            for (var token = start; token < end; token++)
            {
                Embedding.ReadRow(Ids[token], new Span<float>(Y + ((long)token * Embedding.Columns), Embedding.Columns));
            }
        }
    }

    private struct RotaryWork : IParallelWork
    {
        public RotaryTable Rotary;
        public int* Positions;
        public float* X;
        public int Heads;
        public int Size;
        public bool Inverse;

        public readonly void Execute(int start, int end)
        {
            for (var token = start; token < end; token++)
            {
                var x = X + ((long)token * Size);
                if (Inverse)
                {
                    Rotary.ApplyInverse(x, Heads, Positions[token]);
                }
                else
                {
                    Rotary.Apply(x, Heads, Positions[token]);
                }
            }
        }
    }

    private struct NormWork : IParallelWork
    {
        public float* X;
        public float* Gain;
        public float* Y;
        public int Size;
        public float Epsilon;

        public readonly void Execute(int start, int end) =>
            RmsNorm.Forward(X + ((long)start * Size), Gain, Y + ((long)start * Size), end - start, Size, Epsilon);
    }

    private struct GateWork : IParallelWork
    {
        public float* Gate;
        public float* Up;
        public float* Y;
        public int Size;

        public readonly void Execute(int start, int end)
        {
            // Token by token, so that the remainder of a row that fills no vector is the same wherever a unit begins.
            for (long token = start; token < end; token++)
            {
                SwiGlu.Forward(Gate + (token * Size), Up + (token * Size), Y + (token * Size), Size);
            }
        }
    }

    private struct ColumnSumWork : IParallelWork
    {
        public float* X;
        public float* Y;
        public int Tokens;
        public int Size;

        public readonly void Execute(int start, int end)
        {
            for (long token = 0; token < Tokens; token++)
            {
                for (var i = start * ColumnsPerUnit; i < Math.Min(end * ColumnsPerUnit, Size); i++)
                {
                    Y[i] += X[(token * Size) + i];
                }
            }
        }
    }

    private struct AddWork : IParallelWork
    {
        public float* X;
        public float* Y;
        public int Size;
        public bool Repeat;

        public readonly void Execute(int start, int end)
        {
            for (long token = start; token < end; token++)
            {
                float* x = X + (Repeat ? 0 : token * Size), y = Y + (token * Size);
                var i = 0;
                for (; i + Vector256<float>.Count <= Size; i += Vector256<float>.Count)
                {
                    (Vector256.Load(y + i) + Vector256.Load(x + i)).Store(y + i);
                }

                for (; i < Size; i++)
                {
                    y[i] += x[i];
                }
            }
        }
    }
}
