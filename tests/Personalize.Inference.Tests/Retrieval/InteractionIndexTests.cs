using FsCheck;
using FsCheck.Fluent;
using Personalize.Core.Interactions;
using Personalize.Inference.Retrieval;
using Personalize.Inference.Tests.Generation;

namespace Personalize.Inference.Tests.Retrieval;

/// <summary>The index against BM25 written down naively, its bound, and what it forgets.</summary>
public sealed class InteractionIndexTests
{
    private const double Tolerance = 1e-9;

    private static readonly string[] Texts =
    [
        "the cat sat on the mat", "a dog", "the dog and the cat", "zzz", "on the mat on the mat on the mat", "nothing to see here, move along please, nothing at all", "cat", "q",
    ];

    [Theory]
    [InlineData("cat")]
    [InlineData("mat dog")]
    [InlineData("zebra")]
    [InlineData("")]
    public void Scores_are_those_of_the_formula(string request)
    {
        var tokenizer = new ByteTokenizer();
        var options = new RetrievalOptions { Count = 100 };
        var index = Fill(new InteractionIndex(tokenizer, options), Texts);
        var expected = Naive(tokenizer, options, Texts, request);
        var found = index.Find(request);
        Assert.Equal(expected.Count, found.Count);
        for (var i = 0; i < found.Count; i++)
        {
            Assert.Equal(expected[i].Id, found[i].InteractionId);
            Assert.Equal(expected[i].Score, found[i].Score, Tolerance);
        }
    }

    [Fact]
    public void The_most_similar_come_first_and_no_more_than_asked_for()
    {
        var index = Fill(new InteractionIndex(new ByteTokenizer(), new RetrievalOptions { Count = 2 }), Texts);
        Assert.Equal(2, index.Find("cat").Count);
        Assert.Equal(7, index.Find("cat")[0].InteractionId);
        Assert.Empty(new InteractionIndex(new ByteTokenizer()).Find("cat"));
        Assert.Empty(index.Find("\u0001\u0002"));
    }

    [Fact]
    public void What_is_removed_is_gone_and_leaves_the_index_as_if_it_had_never_been()
    {
        var tokenizer = new ByteTokenizer();
        var index = Fill(new InteractionIndex(tokenizer), Texts);
        for (var id = 1; id <= Texts.Length; id += 2)
        {
            Assert.True(index.Remove(id));
            Assert.False(index.Remove(id));
        }

        var fresh = new InteractionIndex(tokenizer);
        for (var i = 1; i < Texts.Length; i += 2)
        {
            Assert.True(fresh.Add(Interaction(i + 1, Texts[i])));
        }

        Assert.Equal(fresh.Count, index.Count);
        Assert.Equal(fresh.Bytes, index.Bytes);
        Assert.Equal(fresh.Find("the cat"), index.Find("the cat"));
        for (var id = 2; id <= Texts.Length; id += 2)
        {
            Assert.True(index.Remove(id));
        }

        Assert.Equal(0, index.Bytes);
    }

    [Fact]
    public void Its_memory_has_a_bound_and_the_oldest_go_first() =>
        Prop.ForAll(ArbMap.Default.ArbFor<NonEmptyArray<NonNull<string>>>(), texts =>
        {
            const long Bound = 8 << 10;
            var index = new InteractionIndex(new ByteTokenizer(), new RetrievalOptions { MaximumBytes = Bound, Count = 1000 });
            var added = new List<long>();
            for (var i = 0; i < texts.Get.Length * 4; i++)
            {
                if (index.Add(Interaction(i + 1, $"e {texts.Get[i % texts.Get.Length].Get} {i}")))
                {
                    added.Add(i + 1);
                }
            }

            var kept = index.Find("e").Select(found => found.InteractionId).Order().ToList();
            return index.Bytes <= Bound && kept.SequenceEqual(added.TakeLast(kept.Count)) && (kept.Count > 0 || added.Count == 0);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void The_same_interaction_counts_once_and_one_too_large_not_at_all()
    {
        var index = new InteractionIndex(new ByteTokenizer(), new RetrievalOptions { MaximumBytes = 1024 });
        Assert.True(index.Add(Interaction(1, "ab")));
        Assert.False(index.Add(Interaction(1, "ab")));
        Assert.False(index.Add(Interaction(2, "abcdefghijklmnopqrstuvwxyz0123456789")));
        Assert.Equal(1, index.Count);
        Assert.Throws<ArgumentException>(() => new InteractionIndex(new ByteTokenizer(), new RetrievalOptions { Count = 0 }));
    }

    [Fact]
    public void The_most_similar_stands_next_to_the_request_and_each_is_cut()
    {
        var tokenizer = new ByteTokenizer();
        var prompt = new RetrievalPrompt(tokenizer, new RetrievalOptions { TokensEach = 12 });
        var messages = prompt.Compose([new Interaction(1, null, default, "s", "long context", "a text that is long"), Interaction(2, "b")], "request");
        Assert.Equal(["user", "assistant", "user", "assistant", "user"], messages.Select(message => message.Role));
        Assert.Equal(["", "b", "long", "a text t", "request"], messages.Select(message => message.Content));

        // Three bytes end within a character, of which nothing is left.
        prompt = new RetrievalPrompt(tokenizer, new RetrievalOptions { TokensEach = 9 });
        Assert.Equal("\u00e9", prompt.Compose([new Interaction(1, null, default, "s", "\u00e9\u00e9\u00e9", "x")], "r")[0].Content);
    }

    private static InteractionIndex Fill(InteractionIndex index, string[] texts)
    {
        for (var i = 0; i < texts.Length; i++)
        {
            Assert.True(index.Add(Interaction(i + 1, texts[i])));
        }

        return index;
    }

    private static Interaction Interaction(long id, string text) => new(id, null, default, "s", "", text);

    private static List<(long Id, double Score)> Naive(ByteTokenizer tokenizer, RetrievalOptions options, string[] texts, string request)
    {
        int[] Tokens(string text) => tokenizer.Encode(text, parseSpecialTokens: false);
        var documents = texts.Select(text => Tokens("\n" + text)).ToList();
        var mean = documents.Average(document => document.Length);
        var scored = new List<(long Id, double Score)>();
        foreach (var (document, i) in documents.Select((document, i) => (document, i)))
        {
            var score = 0d;
            foreach (var token in Tokens(request).Distinct().Where(document.Contains))
            {
                var containing = documents.Count(other => other.Contains(token));
                var frequency = document.Count(other => other == token);
                var rarity = Math.Log(1 + ((documents.Count - containing + 0.5) / (containing + 0.5)));
                score += rarity * frequency * (options.Saturation + 1)
                    / (frequency + (options.Saturation * (1 - options.LengthPenalty + (options.LengthPenalty * document.Length / mean))));
            }

            if (Tokens(request).Any(document.Contains))
            {
                scored.Add((i + 1, score));
            }
        }

        return [.. scored.OrderByDescending(entry => entry.Score).ThenByDescending(entry => entry.Id)];
    }
}
