using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Personalize.Core.Errors;
using Personalize.Core.Interactions;
using Personalize.TestSupport;

namespace Personalize.Core.Tests.Interactions;

public class InteractionJsonLinesTests
{
    private const string Rest = "\"timestamp\":1,\"context\":\"c\",\"text\":\"t\"";

    [Theory]
    [InlineData("{", InteractionProblem.BrokenJson)]
    [InlineData("{\"id\":1," + Rest, InteractionProblem.BrokenJson)]
    [InlineData("{" + Rest + "} x", InteractionProblem.BrokenJson)]
    [InlineData("{\"text\":\"u\"," + Rest + "}", InteractionProblem.BrokenJson)]
    [InlineData("{\"a\":[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]," + Rest + "}", InteractionProblem.BrokenJson)]
    [InlineData("[1]", InteractionProblem.NotAnObject)]
    [InlineData("null", InteractionProblem.NotAnObject)]
    [InlineData("{\"timestamp\":1,\"context\":\"c\"}", InteractionProblem.MissingField)]
    [InlineData("{\"timestamp\":1,\"text\":\"t\"}", InteractionProblem.MissingField)]
    [InlineData("{\"context\":\"c\",\"text\":\"t\"}", InteractionProblem.MissingField)]
    [InlineData("{\"timestamp\":1,\"context\":\"c\",\"text\":5}", InteractionProblem.WrongType)]
    [InlineData("{\"timestamp\":1,\"context\":null,\"text\":\"t\"}", InteractionProblem.WrongType)]
    [InlineData("{\"timestamp\":true,\"context\":\"c\",\"text\":\"t\"}", InteractionProblem.WrongType)]
    [InlineData("{\"id\":{}," + Rest + "}", InteractionProblem.WrongType)]
    [InlineData("{\"timestamp\":1,\"context\":\"c\",\"text\":\"\"}", InteractionProblem.EmptyText)]
    [InlineData("{\"timestamp\":1,\"context\":\"c\",\"text\":\" \\n\\t\"}", InteractionProblem.EmptyText)]
    [InlineData("{\"timestamp\":1,\"context\":\"c\",\"text\":\"\\ud83d\"}", InteractionProblem.LoneSurrogate)]
    [InlineData("{\"timestamp\":1,\"context\":\"\\ude00 c\",\"text\":\"t\"}", InteractionProblem.LoneSurrogate)]
    [InlineData("{\"timestamp\":1e300,\"context\":\"c\",\"text\":\"t\"}", InteractionProblem.BadTimestamp)]
    [InlineData("{\"timestamp\":999999999999,\"context\":\"c\",\"text\":\"t\"}", InteractionProblem.BadTimestamp)]
    [InlineData("{\"timestamp\":\"yesterday\",\"context\":\"c\",\"text\":\"t\"}", InteractionProblem.BadTimestamp)]
    [InlineData("{\"timestamp\":\"2024-13-01\",\"context\":\"c\",\"text\":\"t\"}", InteractionProblem.BadTimestamp)]
    public void A_bad_line_gives_its_number_and_reason_and_the_next_one_is_read(string line, InteractionProblem problem)
    {
        var lines = Read($"\n{line}\n{{{Rest}}}\n");
        Assert.Equal([2L, 3L], lines.Select(read => read.Number));
        Assert.Equal((problem, null), (lines[0].Problem, lines[0].Interaction));
        Assert.Equal((null, "t"), (lines[1].Problem, lines[1].Interaction!.Text));
    }

    [Fact]
    public void Bytes_that_are_not_utf8_are_a_bad_line()
    {
        byte[] bytes = [.. "{\"timestamp\":1,\"context\":\"c\",\"text\":\""u8, 0xFF, .. "\"}\n"u8];
        Assert.Equal(InteractionProblem.InvalidUtf8, Assert.Single(InteractionJsonLines.Read(new MemoryStream(bytes), "app")).Problem);
    }

    [Theory]
    [InlineData("1741345891", 1741345891_0000000)]
    [InlineData("-5", -5_0000000)]
    [InlineData("1.5", 1_5000000)]
    [InlineData("1e3", 1000_0000000)]
    [InlineData("\"1970-01-01T00:00:02Z\"", 2_0000000)]
    [InlineData("\"1970-01-01T00:00:02.25\"", 2_2500000)]
    [InlineData("\"1970-01-01T02:00:00+02:00\"", 0)]
    [InlineData("\"1970-01-02\"", 86400_0000000)]
    public void Timestamps_are_unix_seconds_or_iso(string timestamp, long ticks)
    {
        var line = Assert.Single(Read($$"""{"timestamp":{{timestamp}},"context":"","text":"t"}"""));
        Assert.Equal(ticks, line.Interaction!.Timestamp.UtcTicks - DateTime.UnixEpoch.Ticks);
    }

    [Fact]
    public void Ids_are_text_and_may_be_absent_but_not_twice()
    {
        var lines = Read($$"""
            {"id":1,{{Rest}}}
            {"id":"x",{{Rest}}}
            {"id":null,{{Rest}}}
            {{{Rest}},"extra":[1,{"a":2}]}
            {"id":"1",{{Rest}}}
            """);
        Assert.Equal(["1", "x", null, null, null], lines.Select(line => line.Interaction?.ExternalId));
        Assert.Equal(InteractionProblem.DuplicateId, lines[4].Problem);
        Assert.All(lines.Take(4), line => Assert.Null(line.Problem));
    }

    [Fact]
    public void A_mark_at_the_start_and_carriage_returns_do_not_matter()
    {
        var lines = Read($"\uFEFF{{{Rest}}}\r\n\r\n  \r\n{{{Rest}}}");
        Assert.Equal([1L, 4L], lines.Select(line => line.Number));
        Assert.All(lines, line => Assert.Null(line.Problem));
    }

    [Fact]
    public void A_megabyte_is_fine_and_a_line_over_the_limit_is_passed_over()
    {
        string Line(int length) => $$"""{"timestamp":1,"context":"","text":"{{new string('x', length)}}"}""";
        var overhead = Line(0).Length;
        var lines = Read(string.Join('\n', Line(1 << 20), Line(InteractionJsonLines.MaximumLineBytes - overhead), Line(InteractionJsonLines.MaximumLineBytes - overhead + 1), Line(9 << 20), Line(1)));
        Assert.Equal([1 << 20, InteractionJsonLines.MaximumLineBytes - overhead, null, null, 1], lines.Select(line => line.Interaction?.Text.Length));
        Assert.Equal([null, null, InteractionProblem.TooLong, InteractionProblem.TooLong, null], lines.Select(line => line.Problem));
    }

    [Fact]
    public void What_is_written_reads_the_same()
    {
        Prop.ForAll<Tuple<string, string, string>, DateTimeOffset>((strings, timestamp) =>
        {
            var (context, text, id) = strings;
            var interaction = new Interaction(0, id, timestamp, "app", context ?? "", text);
            if (string.IsNullOrWhiteSpace(text) || (context + id + text).Any(char.IsSurrogate))
            {
                return true;
            }

            using var stream = new MemoryStream();
            Assert.Equal(2, InteractionJsonLines.Write(stream, [interaction, interaction with { ExternalId = null }]));
            stream.Position = 0;
            var read = InteractionJsonLines.Read(stream, "app").Select(line => line.Interaction).ToList();
            return read.SequenceEqual([interaction, interaction with { ExternalId = null }]) && read[0]!.Timestamp.Offset == timestamp.Offset;
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Any_bytes_give_lines_and_never_an_exception() => Prop.ForAll<byte[]>(bytes =>
    {
        byte[] content = [.. Encoding.UTF8.GetBytes($"{{{Rest}}}\n{{\"id\":"), .. bytes];
        return InteractionJsonLines.Read(new MemoryStream(content), "app").First().Problem is null
            && InteractionJsonLines.Read(new MemoryStream(bytes), "app").All(line => line.Interaction is null != line.Problem is null);
    }).QuickCheckThrowOnFailure();

    [SharedFact("data/users/commits-a.jsonl")]
    public void A_persons_file_reads_without_a_problem()
    {
        using var stream = File.OpenRead(SharedFiles.Resolve("data/users/commits-a.jsonl"));
        var lines = InteractionJsonLines.Read(stream, "cli").ToList();
        Assert.Equal(File.ReadLines(SharedFiles.Resolve("data/users/commits-a.jsonl")).Count(), lines.Count);
        Assert.All(lines, line => Assert.Null(line.Problem));
    }

    private static List<InteractionLine> Read(string content) => [.. InteractionJsonLines.Read(new MemoryStream(Encoding.UTF8.GetBytes(content)), "app")];
}
