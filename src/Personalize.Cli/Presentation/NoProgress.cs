namespace Personalize.Cli.Presentation;

/// <summary>Shows nothing.</summary>
internal sealed class NoProgress : IProgress<WorkProgress>
{
    public void Report(WorkProgress value)
    {
    }
}
