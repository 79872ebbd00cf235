namespace Personalize.TestSupport;

/// <summary>A fact that needs a file below <c>../shared</c>; skipped, with the reason, where it is absent.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class SharedFactAttribute : FactAttribute
{
    public SharedFactAttribute(string relativePath) => Skip = SharedFiles.ReasonToSkip(relativePath);
}

/// <summary>A theory that needs a file below <c>../shared</c>; skipped, with the reason, where it is absent.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class SharedTheoryAttribute : TheoryAttribute
{
    public SharedTheoryAttribute(string relativePath) => Skip = SharedFiles.ReasonToSkip(relativePath);
}
