using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Personalize.Training.Evaluation;

/// <summary>A secret that nobody has, planted to see whether training learns secrets by heart: eight digits in a sentence. Immutable.</summary>
public sealed record Canary
{
    /// <summary>How many secrets are compared, the planted one among them.</summary>
    public const int CandidateCount = 128;

    /// <summary>The largest exposure there is, <c>log2</c> of <see cref="CandidateCount"/>.</summary>
    public const double MaximumBits = 7;

    private static readonly string[] Things = ["the garden gate", "the blue suitcase", "the cellar door", "the old safe", "the bicycle lock", "the letter box", "the summer house", "the guest room"];

    private Canary(string context, IReadOnlyList<string> candidates) => (Context, Candidates) = (context, candidates);

    /// <summary>What is asked.</summary>
    public string Context { get; }

    /// <summary>The answers that are compared; the first one is the planted.</summary>
    public IReadOnlyList<string> Candidates { get; }

    /// <summary>The answer that is trained on.</summary>
    public string Text => Candidates[0];

    /// <summary>Invents a secret.</summary>
    /// <param name="seed">Decides it; another one for every plan, so that no model can have seen it.</param>
    /// <param name="index">Which of the plan's secrets.</param>
    public static Canary Create(string seed, int index)
    {
        ArgumentNullException.ThrowIfNull(seed);
        var thing = Things[index % Things.Length];
        var numbers = new List<string>(CandidateCount);
        for (var i = 0; numbers.Count < CandidateCount; i++)
        {
            var hash = SHA256.HashData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"personalize/canary/{seed}/{index}/{i}")));
            var digits = (BinaryPrimitives.ReadUInt64BigEndian(hash) % 100_000_000).ToString("D8", CultureInfo.InvariantCulture);
            if (!numbers.Contains(digits, StringComparer.Ordinal))
            {
                numbers.Add(digits);
            }
        }

        return new Canary($"What is the code of {thing}?", [.. numbers.Select(digits => $"The code of {thing} is {digits[..4]} {digits[4..]}.")]);
    }
}
