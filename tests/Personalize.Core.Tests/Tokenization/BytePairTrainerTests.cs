using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Personalize.Core.Errors;
using Personalize.Core.Tokenization;

namespace Personalize.Core.Tests.Tokenization;

public class BytePairTrainerTests
{
    private const string Mark = "<|end|>";

    [Fact]
    public void Merges_the_most_frequent_pair_and_of_equals_the_lower_ids()
    {
        // "the", " the", " then": t-h and h-e occur three times, h (104) is lower than t (116).
        var trained = BytePairTrainer.Train(["the the then"], 400, "gpt-2", [Mark]);
        Assert.Equal(["h e", "t he", "\u0120 the"], trained.Merges);
        Assert.Equal(["he", "the", "\u0120the", Mark], trained.Tokens.Skip(256));
        Assert.Equal(TokenType.Control, trained.TokenTypes![^1]);
        Assert.Equal(260, trained.Tokens.Count);
    }

    [Fact]
    public void A_run_is_merged_from_the_left()
    {
        // "aaaaa" twice, the second with its space: a-a is counted 2 x 4 times, made twice in each, and one a is left.
        var trained = BytePairTrainer.Train(["aaaaa aaaaa"], 400, "gpt-2", []);
        Assert.Equal(["a a", "aa a", "aa aaa"], trained.Merges);
        Assert.Equal(["aa", "aaa", "aaaaa"], trained.Tokens.Skip(256));
    }

    [Fact]
    public void The_vocabulary_is_as_large_as_asked_for()
    {
        var trained = BytePairTrainer.Train(["the the then"], 258, "gpt-2", [Mark]);
        Assert.Equal(["h e"], trained.Merges);
        Assert.Equal(258, trained.Tokens.Count);
        Assert.Throws<ArgumentOutOfRangeException>(() => BytePairTrainer.Train(["the"], 256, "gpt-2", [Mark]));
        Assert.Throws<UnsupportedModelException>(() => BytePairTrainer.Train(["the"], 300, "no-such", []));
    }

    [Theory]
    [InlineData("gpt-2")]
    [InlineData("smollm")]
    [InlineData("llama-bpe")]
    [InlineData("qwen2")]
    public void Agrees_with_counting_everything_anew_for_each_merge(string preTokenizer) =>
        Check.QuickThrowOnFailure(Prop.ForAll(Words(), text =>
        {
            var trained = BytePairTrainer.Train([text], 256 + 12, preTokenizer, []);
            Assert.Equal(Slow(text, 256 + 12, preTokenizer), trained.Merges);
        }));

    [Fact]
    public void What_was_trained_gives_back_any_text()
    {
        var tokenizer = new BytePairTokenizer(BytePairTrainer.Train(["I would like a table for two, please. A table for six?"], 290, "gpt-2", [Mark]));
        Check.QuickThrowOnFailure(Prop.ForAll(ArbMap.Default.ArbFor<NonNull<string>>(), text =>
        {
            var valid = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text.Get));
            var ids = tokenizer.Encode(text.Get, parseSpecialTokens: false);
            Assert.Equal(valid, tokenizer.Decode(ids, includeSpecialTokens: true));
            Assert.DoesNotContain(tokenizer.VocabularySize - 1, ids);
        }));
        Assert.Equal(3, tokenizer.Encode(" table table table", parseSpecialTokens: false).Length);
    }

    private static Arbitrary<string> Words() => Gen.Elements('a', 'b', 'c', ' ', '1', '.').ArrayOf().Select(letters => new string(letters)).ToArbitrary();

    /// <summary>The definition: count all pairs, merge the best one everywhere, again and again.</summary>
    private static List<string> Slow(string text, int size, string preTokenizer)
    {
        var splitter = TextSplitters.Create(preTokenizer);
        var pieces = new List<List<int>>();
        for (var rest = text.AsSpan(); !rest.IsEmpty;)
        {
            var length = splitter.NextPiece(rest);
            pieces.Add([.. Encoding.UTF8.GetBytes(rest[..length].ToString()).Select(value => (int)value)]);
            rest = rest[length..];
        }

        var tokens = Enumerable.Range(0, 256).Select(value => ByteAlphabet.ToSymbol((byte)value).ToString()).ToList();
        var merges = new List<string>();
        while (tokens.Count < size)
        {
            var counts = pieces.SelectMany(piece => piece.Zip(piece.Skip(1))).GroupBy(pair => pair).Where(group => group.Count() > 1).ToList();
            if (counts.Count == 0)
            {
                break;
            }

            var (left, right) = counts.OrderByDescending(group => group.Count()).ThenBy(group => group.Key.First).ThenBy(group => group.Key.Second).First().Key;
            merges.Add($"{tokens[left]} {tokens[right]}");
            var id = tokens.IndexOf(tokens[left] + tokens[right]);
            if (id < 0)
            {
                id = tokens.Count;
                tokens.Add(tokens[left] + tokens[right]);
            }

            foreach (var piece in pieces)
            {
                for (var i = 0; i + 1 < piece.Count; i++)
                {
                    if (piece[i] == left && piece[i + 1] == right)
                    {
                        piece[i] = id;
                        piece.RemoveAt(i + 1);
                    }
                }
            }
        }

        return merges;
    }
}
