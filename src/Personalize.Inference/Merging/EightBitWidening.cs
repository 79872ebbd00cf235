using Personalize.Core.Kernels;
using Personalize.Core.Models;

namespace Personalize.Inference.Merging;

/// <summary>Stores merged tensors in half precision where an engine that rounds the inputs of quantized maps to 8 bits loses most for the bytes it saves, until it loses no more than is allowed or the file has grown as much as it may.</summary>
internal static class EightBitWidening
{
    /// <summary>Engines take the inputs of half-precision maps in half precision too, which ends at 65,504; other texts may have larger ones than were seen.</summary>
    private const float LargestInput = 65_504 / 4f;

    /// <summary>Widens candidates as far as needed.</summary>
    /// <param name="candidates">All candidates with the types chosen so far, none of which is narrowed.</param>
    /// <param name="createModel">Builds the model of the candidates as they stand.</param>
    /// <param name="pool">The threads.</param>
    /// <param name="texts">What the loss is measured on; at least one token.</param>
    /// <param name="options">What is allowed.</param>
    /// <param name="onMap">Called after each map is measured.</param>
    /// <param name="cancellationToken">Looked at between forward passes.</param>
    /// <returns>The loss before and after, both measured.</returns>
    public static (double Before, double After) Run(
        IReadOnlyList<MergeCandidate> candidates, Func<DecoderModel> createModel, WorkerPool pool, IReadOnlyList<MergeExample> texts, MergeOptions options, Action onMap, CancellationToken cancellationToken)
    {
        var loss = new EightBitLoss(pool, texts);
        var narrow = candidates.Select(candidate => candidate.Rung).ToArray();
        var order = (IReadOnlyList<MergeCandidate>)[];
        var measured = new Dictionary<int, double>();
        double LossWith(int count)
        {
            if (!measured.TryGetValue(count, out var kl))
            {
                Widen(count);
                using var model = createModel();
                measured[count] = kl = loss.Of(model, cancellationToken);
            }

            return kl;
        }

        void Widen(int count)
        {
            foreach (var (candidate, rung) in candidates.Zip(narrow))
            {
                candidate.Rung = rung;
            }

            foreach (var candidate in order.Take(count))
            {
                candidate.Rung = candidate.Types.Length - 1;
            }
        }

        var before = LossWith(0);
        if (before <= options.MostEightBitKl)
        {
            return (before, before);
        }

        using (var model = createModel())
        {
            var quantized = candidates.Where(candidate => candidate.IsQuantized).ToList();
            var losses = loss.OfEach(model, [.. quantized.Select(candidate => (candidate.Layer, candidate.Module))], onMap, cancellationToken);
            order = Order([.. quantized.Zip(losses).Where(pair => pair.Second.LargestInput <= LargestInput).Select(pair => (pair.First, pair.Second.Kl))], options.MostEightBitGrowth * candidates.Sum(candidate => candidate.BytesOf(0)));
        }

        var count = PromotionSearch.Find(order.Count, -options.MostEightBitKl, options.MostEvaluations, widened => -LossWith(widened));
        var after = LossWith(count);
        Widen(count);
        return (before, after);
    }

    /// <summary>The order in which widening pays: most loss removed a byte first, those left out that would let the file grow beyond the limit.</summary>
    internal static IReadOnlyList<MergeCandidate> Order(IReadOnlyList<(MergeCandidate Candidate, double Kl)> losses, double mostBytes)
    {
        var order = new List<MergeCandidate>();
        foreach (var (candidate, _) in losses.OrderByDescending(loss => loss.Kl / loss.Candidate.BytesToWiden))
        {
            if (candidate.BytesToWiden <= mostBytes)
            {
                mostBytes -= candidate.BytesToWiden;
                order.Add(candidate);
            }
        }

        return order;
    }
}
