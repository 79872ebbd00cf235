using Personalize.Cli.Presentation;

namespace Personalize.Cli.Tests.Presentation;

public class ProgressLinesTests
{
    [Fact]
    public void A_pipe_gets_a_line_now_and_then()
    {
        var time = new ManualTime();
        using var writer = new StringWriter { NewLine = "\n" };
        var progress = new ProgressLines(writer, time, "training");

        for (var i = 1; i <= 100; i++)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            progress.Report(new WorkProgress(i / 100.0, "loss 3.0"));
        }

        var lines = writer.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(10, lines.Length);
        Assert.Contains("10", lines[0], StringComparison.Ordinal);
        Assert.Contains("loss 3.0", lines[0], StringComparison.Ordinal);
    }

    private sealed class ManualTime : TimeProvider
    {
        private long _ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _ticks;

        public void Advance(TimeSpan time) => _ticks += time.Ticks;
    }
}
