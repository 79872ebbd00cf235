using System.Text.RegularExpressions;

namespace Personalize.ArchitectureTests;

/// <summary>Rules about source files that no analyzer holds.</summary>
public sealed partial class SourceTests
{
    private const int LongestFile = 500;

    private static IEnumerable<string> Sources =>
        Directory.EnumerateFiles(Path.Combine(SharedFiles.Repository, "src"), "*.cs", SearchOption.AllDirectories)
            .Where(path => !path.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal));

    [Fact]
    public void A_file_holds_at_most_one_public_type()
    {
        foreach (var path in Sources)
        {
            var types = PublicType().Count(File.ReadAllText(path));
            Assert.True(types <= 1, $"{path} declares {types} public types");
        }
    }

    [Fact]
    public void A_namespace_follows_its_folder()
    {
        var root = Path.Combine(SharedFiles.Repository, "src");
        foreach (var path in Sources)
        {
            var match = Namespace().Match(File.ReadAllText(path));
            if (!match.Success)
            {
                continue;
            }

            var folder = Path.GetDirectoryName(Path.GetRelativePath(root, path))!.Replace(Path.DirectorySeparatorChar, '.');
            Assert.True(folder == match.Groups["name"].Value, $"{path} declares namespace {match.Groups["name"].Value}");
        }
    }

    [Fact]
    public void No_file_grows_past_the_limit() =>
        Assert.All(Sources, path => Assert.True(File.ReadLines(path).Count() <= LongestFile, $"{path} has more than {LongestFile} lines"));

    [GeneratedRegex(@"^public (?:(?:static|sealed|abstract|readonly|ref|unsafe|partial) )*(?:class|struct|record|enum|interface|delegate)\b", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex PublicType();

    [GeneratedRegex(@"^namespace (?<name>[\w.]+);", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex Namespace();
}
