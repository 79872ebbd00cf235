using Spectre.Console;

namespace Personalize.Cli.Presentation;

/// <summary>Progress on a terminal: a bar with the rest of the time.</summary>
internal static class ProgressBar
{
    public static T Run<T>(IAnsiConsole console, string title, Func<IProgress<WorkProgress>, T> work) =>
        console.Progress()
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .Start(context =>
            {
                var task = context.AddTask(Markup.Escape(title));
                return work(new Reporter(task, title));
            });

    private sealed class Reporter(ProgressTask task, string title) : IProgress<WorkProgress>
    {
        public void Report(WorkProgress value)
        {
            task.Value = value.Fraction * task.MaxValue;
            task.Description = Markup.Escape($"{title} {value.Detail}");
        }
    }
}
