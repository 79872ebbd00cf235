using FsCheck;
using FsCheck.Fluent;
using Personalize.Core.Errors;
using Personalize.Core.Interactions;

namespace Personalize.Core.Tests.Interactions;

public sealed class InteractionStoreTests : IDisposable
{
    private readonly StoreFixture _fixture = new();

    private IInteractionStore Store => _fixture.Store;

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void Any_strings_come_back()
    {
        Prop.ForAll<Tuple<string, string, string>, DateTimeOffset>((strings, timestamp) =>
        {
            var (context, text, externalId) = strings;
            if (!IsStorable(text) || !IsUnicode(context) || !IsUnicode(externalId))
            {
                return true;
            }

            Store.EraseAll();
            var interaction = new Interaction(0, externalId, timestamp, "app", context ?? "", text);
            var id = Store.Append(interaction);
            var expected = interaction with { Id = id };
            var read = Assert.Single(Store.ReadAll());
            return expected == read && expected.Timestamp.Offset == read.Timestamp.Offset && Store.Get(id) == expected;
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Emoji_right_to_left_and_a_megabyte_come_back()
    {
        string[] texts = ["👩‍👩‍👧‍👦 🏳️‍🌈", "שלום עולם مرحبا", "zero\0byte", "line\r\nbreaks\u2028", new string('ß', 1 << 20)];
        Store.AppendMany(texts.Select(text => StoreFixture.Sample(text, context: text)));
        Assert.Equal(texts, Store.ReadAll().Select(read => read.Text));
        Assert.Equal(texts, Store.ReadAll().Select(read => read.Context));
    }

    [Fact]
    public void Reading_is_by_time_then_id()
    {
        Store.AppendMany([StoreFixture.Sample("c", 30), StoreFixture.Sample("a", -10), StoreFixture.Sample("b1", 20), StoreFixture.Sample("b2", 20)]);
        Assert.Equal(["a", "b1", "b2", "c"], Store.ReadAll().Select(read => read.Text));
    }

    [Fact]
    public void An_enumeration_sees_what_was_there_when_it_began_and_does_not_stop_writing()
    {
        Store.AppendMany([StoreFixture.Sample("a", 1), StoreFixture.Sample("b", 2)]);
        var seen = new List<string>();
        foreach (var interaction in Store.ReadAll())
        {
            seen.Add(interaction.Text);
            Store.Append(StoreFixture.Sample("new", 3));
        }

        Assert.Equal(["a", "b"], seen);
        Assert.Equal(4, Store.Count);
    }

    [Fact]
    public void Ids_rise_and_are_never_used_again()
    {
        var first = Store.Append(StoreFixture.Sample("a"));
        var second = Store.Append(StoreFixture.Sample("b"));
        Assert.True(Store.Erase(second));
        _fixture.Close();
        var third = Store.Append(StoreFixture.Sample("c"));
        Assert.True(first < second && second < third);
        Assert.False(Store.Erase(second));
        Assert.Null(Store.Get(second));
    }

    [Fact]
    public void What_a_source_sent_before_is_passed_over()
    {
        Store.Consent.Give("other");
        var first = Store.Append(StoreFixture.Sample("a", id: "7"));
        Assert.Equal([null, first + 1, first + 2, first + 3, null], Store.AppendMany(
        [
            StoreFixture.Sample("again", id: "7"), StoreFixture.Sample("b", id: "7", source: "other"), StoreFixture.Sample("c"), StoreFixture.Sample("d", id: "8"), StoreFixture.Sample("e", id: "8"),
        ]));
        Assert.Equal(InteractionProblem.AlreadyStored, Assert.Throws<InvalidInteractionException>(() => Store.Append(StoreFixture.Sample("again", id: "7"))).Problem);
        Assert.True(Store.Erase(first));
        Store.Append(StoreFixture.Sample("again", id: "7"));
    }

    [Fact]
    public void A_batch_goes_in_whole_or_not_at_all()
    {
        Store.Append(StoreFixture.Sample("before"));
        Assert.Throws<InvalidInteractionException>(() => Store.AppendMany([StoreFixture.Sample("a"), StoreFixture.Sample(" \n")]));
        Assert.Throws<ConsentRequiredException>(() => Store.AppendMany([StoreFixture.Sample("a"), StoreFixture.Sample("b", source: "unheard of")]));
        Assert.Throws<InvalidDataException>(() => Store.AppendMany(Failing()));
        Assert.Equal(["before"], Store.ReadAll().Select(read => read.Text));

        static IEnumerable<Interaction> Failing()
        {
            yield return StoreFixture.Sample("a");
            throw new InvalidDataException();
        }
    }

    [Theory]
    [InlineData("", InteractionProblem.EmptyText)]
    [InlineData("\t ", InteractionProblem.EmptyText)]
    public void An_empty_text_is_refused(string text, InteractionProblem problem)
        => Assert.Equal(problem, Assert.Throws<InvalidInteractionException>(() => Store.Append(StoreFixture.Sample(text))).Problem);

    [Fact]
    public void Half_a_surrogate_pair_is_refused_without_quoting_it()
    {
        var thrown = Assert.Throws<InvalidInteractionException>(() => Store.Append(StoreFixture.Sample("half \ud83d")));
        Assert.Equal(InteractionProblem.LoneSurrogate, thrown.Problem);
        Assert.Null(thrown.InnerException);
        Assert.DoesNotContain("D83D", thrown.ToString(), StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain('\ud83d', thrown.ToString());
    }

    [Fact]
    public void Too_long_a_text_is_refused()
    {
        var thrown = Assert.Throws<InvalidInteractionException>(() => Store.Append(StoreFixture.Sample(new string('x', RecordWriter.MaximumSize))));
        Assert.Equal(InteractionProblem.TooLong, thrown.Problem);
    }

    [Fact]
    public void Status_counts_without_opening()
    {
        var empty = Store.GetStatus();
        Assert.Equal((0, null, null), (empty.Interactions, empty.Oldest, empty.Newest));
        Store.AppendMany([StoreFixture.Sample("a", 100), StoreFixture.Sample("b", 50)]);
        var status = Store.GetStatus();
        Assert.Equal((2, DateTimeOffset.FromUnixTimeSeconds(50), DateTimeOffset.FromUnixTimeSeconds(100)), (status.Interactions, status.Oldest, status.Newest));
        Assert.True(status.Bytes > 0);
        Assert.Equal(32, status.KeyId.Length);
    }

    [Fact]
    public void Naming_an_interaction_shows_none_of_it()
    {
        var text = StoreFixture.Sample("personal", id: "personal", context: "personal").ToString();
        Assert.DoesNotContain("personal", text, StringComparison.Ordinal);
    }

    private static bool IsUnicode(string? text)
    {
        for (var i = 0; text is not null && i < text.Length; i++)
        {
            if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
            {
                i++;
            }
            else if (char.IsSurrogate(text[i]))
            {
                return false;
            }
        }

        return true;
    }

    private static bool IsStorable(string? text) => !string.IsNullOrWhiteSpace(text) && IsUnicode(text);
}
