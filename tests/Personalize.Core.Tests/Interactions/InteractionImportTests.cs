using System.Text;
using Personalize.Core.Errors;
using Personalize.Core.Interactions;

namespace Personalize.Core.Tests.Interactions;

public sealed class InteractionImportTests : IDisposable
{
    private const string Mixed = """
        {"id":0,"timestamp":1,"context":"c","text":"zero"}
        {"id":1,"timestamp":
        {"id":0,"timestamp":2,"context":"c","text":"again"}
        {"id":2,"timestamp":3,"context":"c","text":"two"}
        """;

    private readonly StoreFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void Good_lines_go_in_and_bad_ones_are_reported()
    {
        var result = Import(Mixed);
        Assert.Equal(2, result.Imported);
        Assert.Equal([(2L, InteractionProblem.BrokenJson), (3L, InteractionProblem.DuplicateId)], result.Skipped.Select(line => (line.Number, line.Problem!.Value)));
        Assert.Equal(["zero", "two"], _fixture.Store.ReadAll().Select(read => read.Text));
    }

    [Fact]
    public void Importing_again_stores_nothing_twice()
    {
        Import(Mixed);
        var result = Import(Mixed);
        Assert.Equal(0, result.Imported);
        Assert.Equal([1L, 2L, 3L, 4L], result.Skipped.Select(line => line.Number));
        Assert.Equal(InteractionProblem.AlreadyStored, result.Skipped[0].Problem);
        Assert.Equal(2, _fixture.Store.Count);
    }

    [Fact]
    public void Strictly_the_first_bad_line_stops_it_and_nothing_goes_in()
    {
        var thrown = Assert.Throws<InvalidInteractionException>(() => Import(Mixed, strict: true));
        Assert.Equal((InteractionProblem.BrokenJson, 2L), (thrown.Problem, thrown.Line));
        Assert.Equal(0, _fixture.Store.Count);
    }

    [Fact]
    public void Without_consent_nothing_goes_in()
    {
        Assert.Throws<ConsentRequiredException>(() => InteractionImport.Run(_fixture.Store, new MemoryStream(Encoding.UTF8.GetBytes(Mixed)), "mail"));
        Assert.Equal(0, _fixture.Store.Count);
    }

    [Fact]
    public void More_than_a_batch_goes_in_in_order()
    {
        const int Count = 2500;
        var content = string.Join('\n', Enumerable.Range(0, Count).Select(i => $$"""{"id":{{i}},"timestamp":{{i}},"context":"","text":"t{{i}}"}"""));
        Assert.Equal(Count, Import(content).Imported);
        Assert.Equal(Enumerable.Range(0, Count).Select(i => $"t{i}"), _fixture.Store.ReadAll().Select(read => read.Text));
    }

    [Fact]
    public void Cancelling_stops_it()
    {
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.Throws<OperationCanceledException>(() => InteractionImport.Run(_fixture.Store, new MemoryStream(Encoding.UTF8.GetBytes(Mixed)), "app", cancellationToken: cancelled.Token));
        Assert.Equal(0, _fixture.Store.Count);
    }

    private ImportResult Import(string content, bool strict = false)
        => InteractionImport.Run(_fixture.Store, new MemoryStream(Encoding.UTF8.GetBytes(content)), "app", strict);
}
