namespace Personalize.Cli.Samples;

/// <summary>The interactions that <c>demo</c> learns from when it is given none.</summary>
internal static class SampleInteractions
{
    /// <summary>Opens them as JSON lines.</summary>
    public static Stream Open() =>
        typeof(SampleInteractions).Assembly.GetManifestResourceStream(typeof(SampleInteractions), "wren.jsonl")
            ?? throw new InvalidOperationException("The sample interactions are not part of this build.");
}
