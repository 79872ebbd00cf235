using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Inference.Adapters;
using Personalize.Inference.Decoding;

namespace Personalize.Inference.Tests.Decoding;

/// <summary>Feeds the same 300 tokens in pieces of different sizes and compares the logits of every one of them, bit by bit.</summary>
internal static class ChunkBits
{
    private const int Tokens = 300;
    private static readonly int[] Pieces = [1, 2, 3, 8, 64, Tokens];
    private static readonly int[] Threads = [1, 2];

    public static void AreEqual(DecoderModel model, AttachedAdapter? adapter)
    {
        var vocabulary = model.Description.VocabularySize;
        var ids = Enumerable.Range(0, Tokens).Select(i => (int)(i * 7919L % vocabulary)).ToArray();
        var expected = new float[Tokens][];
        foreach (var threads in Threads)
        {
            using var pool = new WorkerPool(threads);
            foreach (var piece in Pieces)
            {
                using var session = new DecoderSession(model, pool, new DecoderSessionOptions { ContextLength = Tokens, ChunkSize = piece, Precision = ArithmeticPrecision.Served }, adapter);
                for (var first = 0; first < Tokens; first += piece)
                {
                    var start = first;
                    session.Feed(
                        ids.AsSpan(first, Math.Min(piece, Tokens - first)),
                        (index, logits) =>
                        {
                            var position = start + index;
                            expected[position] ??= logits.ToArray();
                            Assert.True(logits.SequenceEqual(expected[position]), $"position {position} differs in pieces of {piece} with {threads} threads");
                        },
                        onHiddenState: null,
                        CancellationToken.None);
                }
            }
        }

        // Another place, other logits: what was compared is not one constant row.
        Assert.False(expected[0].AsSpan().SequenceEqual(expected[^1]));
        Assert.All(expected, row => Assert.All(row, value => Assert.True(float.IsFinite(value))));
    }
}
