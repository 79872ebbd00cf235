using System.Reflection;
using System.Text;
using Personalize.Core.Models;
using Personalize.Hosting;
using Personalize.Inference.Decoding;
using Personalize.Training;

namespace Personalize.ArchitectureTests;

/// <summary>
/// The public surface of each library against a reviewed baseline. After a deliberate change, copy the <c>.received.txt</c> that the failing test leaves beside its assembly over the baseline and review the difference.
/// </summary>
public sealed class PublicApiTests
{
    public static TheoryData<string> Libraries => ["Personalize.Core", "Personalize.Training", "Personalize.Inference", "Personalize.Hosting"];

    [Theory]
    [MemberData(nameof(Libraries))]
    public void The_public_surface_equals_its_baseline(string library)
    {
        var assembly = new[] { typeof(DecoderModel), typeof(LoraTrainer), typeof(DecoderSession), typeof(PersonalizationBuilder) }.Select(type => type.Assembly).Single(a => a.GetName().Name == library);
        var baseline = Path.Combine(SharedFiles.Repository, "tests", "Personalize.ArchitectureTests", "PublicApi", library + ".txt");
        var actual = Describe(assembly);
        var expected = File.Exists(baseline) ? File.ReadAllText(baseline).ReplaceLineEndings("\n") : "";
        if (!string.Equals(expected, actual, StringComparison.Ordinal))
        {
            File.WriteAllText(Path.Combine(AppContext.BaseDirectory, library + ".received.txt"), actual);
        }

        Assert.Equal(expected, actual);
    }

    private static string Describe(Assembly assembly)
    {
        var text = new StringBuilder();
        foreach (var type in assembly.GetExportedTypes().OrderBy(type => type.FullName, StringComparer.Ordinal))
        {
            text.Append(Kind(type)).Append(' ').Append(type.FullName).Append('\n');
            var members = type.GetMembers(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly)
                .Where(member => (member is not MethodBase { IsSpecialName: true }) || member is ConstructorInfo)
                .Where(member => member is not Type)
                .Where(member => !(type.IsEnum && member.Name == "value__"))
                .Select(member => "    " + member)
                .Order(StringComparer.Ordinal);
            foreach (var member in members)
            {
                text.Append(member).Append('\n');
            }
        }

        return text.ToString();
    }

    private static string Kind(Type type) => type switch
    {
        { IsEnum: true } => "enum",
        { IsValueType: true } => "struct",
        { IsInterface: true } => "interface",
        _ when type.IsAssignableTo(typeof(Delegate)) => "delegate",
        { IsAbstract: true, IsSealed: true } => "static class",
        { IsSealed: true } => "sealed class",
        { IsAbstract: true } => "abstract class",
        _ => "class",
    };
}
