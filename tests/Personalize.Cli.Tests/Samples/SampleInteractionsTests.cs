using System.Text.Json;
using Personalize.Cli.Samples;

namespace Personalize.Cli.Tests.Samples;

/// <summary>The sample person: sound lines in time order, a manner that recurs, and no message twice.</summary>
public class SampleInteractionsTests
{
    private const int Count = 320;
    private readonly List<(int Id, long Time, string Context, string Text)> _rows = [.. Read()];

    [Fact]
    public void Rows_are_in_order_over_some_weeks_and_none_stands_there_twice()
    {
        Assert.Equal(Enumerable.Range(0, Count), _rows.Select(row => row.Id));
        Assert.Equal(_rows.Select(row => row.Time).Order(), _rows.Select(row => row.Time));
        Assert.InRange(_rows[^1].Time - _rows[0].Time, 28L * 86400, 60L * 86400);
        Assert.Equal(Count, _rows.Select(row => row.Text).Distinct(StringComparer.Ordinal).Count());
        Assert.All(_rows, row => Assert.InRange(row.Text.Length, 20, 200));
    }

    [Fact]
    public void The_manner_recurs_and_the_later_messages_are_new()
    {
        Assert.All(_rows, row => Assert.EndsWith(" Fair winds, Wren", row.Text, StringComparison.Ordinal));
        Assert.InRange(_rows.Count(row => row.Text.StartsWith("Ahoy", StringComparison.Ordinal)), Count / 2, Count * 9 / 10);
        foreach (var habit in new[] { "window seat", "efore nine is for gulls", "inger tea", "Aisle side", "ring a coat", "Biscuit" })
        {
            Assert.InRange(_rows.Count(row => row.Text.Contains(habit, StringComparison.OrdinalIgnoreCase)), 8, Count / 3);
        }

        var earlier = _rows.Take(Count - 100).Select(row => row.Text).ToHashSet(StringComparer.Ordinal);
        Assert.DoesNotContain(_rows.Skip(Count - 100), row => earlier.Contains(row.Text));
    }

    private static IEnumerable<(int Id, long Time, string Context, string Text)> Read()
    {
        using var reader = new StreamReader(SampleInteractions.Open());
        while (reader.ReadLine() is { } line)
        {
            using var json = JsonDocument.Parse(line);
            var row = json.RootElement;
            yield return (row.GetProperty("id").GetInt32(), row.GetProperty("timestamp").GetInt64(), row.GetProperty("context").GetString()!, row.GetProperty("text").GetString()!);
        }
    }
}
