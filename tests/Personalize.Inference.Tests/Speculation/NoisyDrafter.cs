using Personalize.Inference.Sampling;
using Personalize.Inference.Speculation;

namespace Personalize.Inference.Tests.Speculation;

/// <summary>Knows the text that comes and lies now and then: drafts of every length, right and wrong.</summary>
internal sealed class NoisyDrafter(int[] truth, int seed, double lies) : IDrafter
{
    private readonly Random _random = new(seed);

    public double RelativeCost => 0;

    public bool GivesProbabilities => false;

    public int Ended { get; private set; }

    public void Begin(SamplingOptions sampling, int vocabularySize)
    {
    }

    public void Propose(ReadOnlySpan<int> sequence, Draft draft)
    {
        draft.Origin = DraftOrigin.Text;
        draft.MatchLength = 40;
        for (var i = sequence.Length; i < truth.Length && draft.Count < Math.Min(draft.Limit, _random.Next(1, 16)); i++)
        {
            draft.Add(_random.NextDouble() < lies ? _random.Next(16) : truth[i]);
        }
    }

    public void End(ReadOnlySpan<int> sequence) => Ended++;
}
