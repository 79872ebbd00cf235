using FsCheck;
using FsCheck.Fluent;
using Personalize.Inference.Speculation;

namespace Personalize.Inference.Tests.Speculation;

public class SuffixIndexTests
{
    [Fact]
    public void Every_occurrence_of_a_sequence_is_one_range()
    {
        var index = new SuffixIndex(1 << 12);
        index.Add([1, 2, 1, 2, 3]);
        index.Add([2, 3]);

        Assert.Equal(2, Count(index, [1, 2]));
        Assert.Equal(2, Count(index, [2, 3]));
        Assert.Equal(1, Count(index, [1, 2, 3]));

        // No sequence reaches across the end of a text.
        Assert.Equal(0, Count(index, [3, 2]));

        var (start, end) = index.Find([2]);
        Assert.Equal(3, end - start);
        Assert.Equal(1, index.TokenAt(start, 1));
        var group = index.EndOfGroup(start, end, 1);
        Assert.Equal(start + 1, group);
        Assert.Equal(3, index.TokenAt(group, 1));
        Assert.Equal(end, index.EndOfGroup(group, end, 1));
    }

    [Fact]
    public void Counts_are_those_of_a_plain_search_whatever_is_added()
    {
        var tokens = Gen.Choose(0, 2);
        var cases =
            from texts in tokens.ListOf().Select(text => text.ToArray()).ListOf()
            from wanted in tokens.NonEmptyListOf().Select(text => text.Take(6).ToArray())
            select (Texts: texts.ToArray(), Wanted: wanted);

        Prop.ForAll(cases.ToArbitrary(), test =>
        {
            var index = new SuffixIndex(1 << 16);
            foreach (var text in test.Texts)
            {
                index.Add(text);
            }

            var expected = test.Texts.Sum(text => Occurrences(text, test.Wanted));
            var (start, end) = index.Find(test.Wanted);
            var groups = 0;
            for (var at = start; at < end; at = index.EndOfGroup(at, end, test.Wanted.Length))
            {
                groups++;
            }

            return end - start == expected && groups == test.Texts.SelectMany(text => Followers(text, test.Wanted)).Distinct().Count();
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void The_oldest_goes_when_the_room_is_used_up_and_what_stays_is_found()
    {
        const int MaxBytes = 8_000;
        var index = new SuffixIndex(MaxBytes);
        for (var text = 0; text < 200; text++)
        {
            index.Add([text, text + 1, text + 2, 5_000, 5_001, 5_002, 5_003, text]);
            Assert.InRange(index.ByteLength, 1, MaxBytes);
            Assert.Equal(1, Count(index, [text, text + 1, text + 2, 5_000]));
        }

        Assert.Equal(0, Count(index, [0, 1, 2]));

        // A thousand tokens of room, an eighth of it freed at a time, nine a text.
        Assert.InRange(Count(index, [5_000, 5_001]), 97, 111);
    }

    [Fact]
    public void Of_a_text_longer_than_the_room_the_end_stays()
    {
        var index = new SuffixIndex(8 * 100);
        index.Add([.. Enumerable.Range(0, 1_000)]);

        Assert.Equal(100, index.Count);
        Assert.Equal(1, Count(index, [998, 999]));
        Assert.Equal(0, Count(index, [899, 900]));
    }

    [Fact]
    public void Endless_repetition_is_indexed_and_found()
    {
        var index = new SuffixIndex(1 << 17);
        var repetition = Enumerable.Repeat(7, 5_000).ToArray();
        index.Add(repetition);
        index.Add(repetition);

        Assert.Equal(2 * (5_000 - 47), Count(index, repetition[..48]));
    }

    private static int Count(SuffixIndex index, int[] sequence)
    {
        var (start, end) = index.Find(sequence);
        return end - start;
    }

    private static int Occurrences(int[] text, int[] wanted) => Enumerable.Range(0, text.Length).Count(at => text.AsSpan(at).StartsWith(wanted));

    private static IEnumerable<int> Followers(int[] text, int[] wanted) =>
        Enumerable.Range(0, text.Length).Where(at => text.AsSpan(at).StartsWith(wanted)).Select(at => at + wanted.Length < text.Length ? text[at + wanted.Length] : SuffixIndex.EndOfText);
}
