using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Personalize.Inference.Sampling;

/// <summary>Finds the k largest logits with a heap of k: one vectorized comparison skips eight logits that are too small.</summary>
internal static class TopKSelection
{
    /// <summary>Selects the largest values; of equal ones the lower index wins.</summary>
    /// <param name="values">The logits, none NaN.</param>
    /// <param name="selected">Receives <see cref="RankKey"/>s in rising order, which is the best first; its length is k, at most that of <paramref name="values"/>.</param>
    public static void Select(ReadOnlySpan<float> values, Span<ulong> selected)
    {
        var k = selected.Length;
        for (var i = 0; i < k; i++)
        {
            selected[i] = RankKey.Create(values[i], i);
        }

        for (var i = (k / 2) - 1; i >= 0; i--)
        {
            SiftDown(selected, i);
        }

        ref var start = ref MemoryMarshal.GetReference(values);
        var index = k;
        var threshold = values[RankKey.Index(selected[0])];
        for (; index <= values.Length - Vector256<float>.Count; index += Vector256<float>.Count)
        {
            var larger = Vector256.GreaterThan(Vector256.LoadUnsafe(ref start, (nuint)index), Vector256.Create(threshold)).ExtractMostSignificantBits();
            for (; larger != 0; larger &= larger - 1)
            {
                Offer(values, selected, index + BitOperations.TrailingZeroCount(larger), ref threshold);
            }
        }

        for (; index < values.Length; index++)
        {
            Offer(values, selected, index, ref threshold);
        }

        selected.Sort();
    }

    private static void Offer(ReadOnlySpan<float> values, Span<ulong> heap, int index, ref float threshold)
    {
        // Indices only rise, so a value equal to the worst that is kept loses by its index.
        if (values[index] > threshold)
        {
            heap[0] = RankKey.Create(values[index], index);
            SiftDown(heap, 0);
            threshold = values[RankKey.Index(heap[0])];
        }
    }

    // The root is the largest key, the worst that is kept.
    private static void SiftDown(Span<ulong> heap, int parent)
    {
        var key = heap[parent];
        for (var child = (2 * parent) + 1; child < heap.Length; child = (2 * parent) + 1)
        {
            if (child + 1 < heap.Length && heap[child + 1] > heap[child])
            {
                child++;
            }

            if (heap[child] <= key)
            {
                break;
            }

            heap[parent] = heap[child];
            parent = child;
        }

        heap[parent] = key;
    }
}
