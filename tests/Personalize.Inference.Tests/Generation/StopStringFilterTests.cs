using FsCheck;
using FsCheck.Fluent;
using Personalize.Inference.Generation;

namespace Personalize.Inference.Tests.Generation;

public class StopStringFilterTests
{
    [Fact]
    public void What_may_become_a_stop_string_is_held_back()
    {
        var filter = new StopStringFilter(["END"]);

        Assert.Equal("some ", filter.Append("some E"));
        Assert.Equal("", filter.Append("N"));
        Assert.Equal("ENEX", filter.Append("EXEN"));
        Assert.False(filter.IsMatched);
        Assert.Equal("", filter.Append("D and more"));
        Assert.True(filter.IsMatched);
        Assert.Equal("", filter.Append("later"));
        Assert.Equal("", filter.Flush());
    }

    [Fact]
    public void The_earliest_of_several_wins()
    {
        var filter = new StopStringFilter(["zz", "b", "abc"]);

        Assert.Equal("a_", filter.Append("a_"));
        Assert.Equal("", filter.Append("abczz"));
        Assert.True(filter.IsMatched);
    }

    [Fact]
    public void Output_is_the_text_before_the_first_stop_string_however_it_is_cut()
    {
        var letters = Gen.Elements('a', 'b');
        var words = letters.NonEmptyListOf().Select(list => string.Concat(list)).Where(word => word.Length <= 4);
        var cases =
            from stops in words.NonEmptyListOf()
            from pieces in letters.ListOf().Select(list => string.Concat(list)).ListOf()
            select (Stops: stops.ToArray(), Pieces: pieces.ToArray());

        Prop.ForAll(cases.ToArbitrary(), test =>
        {
            var filter = new StopStringFilter(test.Stops);
            var output = string.Concat(test.Pieces.Select(filter.Append)) + filter.Flush();
            var whole = string.Concat(test.Pieces);

            // The text ends with the token that completes a stop string; an earlier start counts only among those complete by then.
            var end = Enumerable.Range(0, test.Pieces.Length + 1)
                .Select(count => string.Concat(test.Pieces.Take(count)))
                .Where(text => test.Stops.Any(stop => text.Contains(stop, StringComparison.Ordinal)))
                .Select(text => test.Stops.Select(stop => text.IndexOf(stop, StringComparison.Ordinal)).Where(index => index >= 0).Min())
                .DefaultIfEmpty(-1)
                .First();
            return output == (end < 0 ? whole : whole[..end]) && filter.IsMatched == (end >= 0);
        }).QuickCheckThrowOnFailure();
    }
}
