using System.Reflection;
using Personalize.Core.Errors;
using Personalize.Core.Models;
using Personalize.Hosting;
using Personalize.Inference.Decoding;
using Personalize.Training;

namespace Personalize.ArchitectureTests;

/// <summary>Core knows nobody; Training and Inference know Core, never each other; Hosting, which an application takes, knows the three and never the command.</summary>
public sealed class DependencyTests
{
    private static readonly Assembly Core = typeof(DecoderModel).Assembly;
    private static readonly Assembly Training = typeof(LoraTrainer).Assembly;
    private static readonly Assembly Inference = typeof(DecoderSession).Assembly;
    private static readonly Assembly Hosting = typeof(PersonalizationBuilder).Assembly;

    [Fact]
    public void Core_knows_no_other_part() => Assert.Empty(PartsReferencedBy(Core));

    [Fact]
    public void Training_and_inference_know_core_alone()
    {
        Assert.Equal(["Personalize.Core"], PartsReferencedBy(Training));
        Assert.Equal(["Personalize.Core"], PartsReferencedBy(Inference));
    }

    [Fact]
    public void Hosting_knows_no_more_than_the_three() =>
        Assert.Subset(new HashSet<string> { "Personalize.Core", "Personalize.Training", "Personalize.Inference" }, PartsReferencedBy(Hosting).ToHashSet());

    [Fact]
    public void Libraries_have_no_dependency_on_the_terminal()
    {
        string[] terminal = ["Spectre.Console", "System.CommandLine", "System.Console"];
        Assert.All(new[] { Core, Training, Inference, Hosting }, assembly => Assert.DoesNotContain(assembly.GetReferencedAssemblies(), name => terminal.Contains(name.Name)));
    }

    [Fact]
    public void Libraries_open_no_connection() =>
        Assert.All(new[] { Core, Training, Inference, Hosting }, assembly => Assert.DoesNotContain(assembly.GetReferencedAssemblies(), name => name.Name!.StartsWith("System.Net", StringComparison.Ordinal)));

    [Fact]
    public void Every_error_of_data_derives_from_one_root()
    {
        var root = typeof(PersonalizeException);
        foreach (var type in new[] { Core, Training, Inference, Hosting }.SelectMany(assembly => assembly.GetExportedTypes()).Where(type => type.IsAssignableTo(typeof(Exception)) && type != root))
        {
            Assert.True(type.IsAssignableTo(root), $"{type} does not derive from {root.Name}");
            Assert.True(type.IsSealed, $"{type} is not sealed");
        }
    }

    private static string[] PartsReferencedBy(Assembly assembly) =>
        [.. assembly.GetReferencedAssemblies().Select(name => name.Name!).Where(name => name.StartsWith("Personalize.", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
}
