using System.CommandLine;
using Personalize.Cli.Hosting;
using Personalize.Cli.Models;
using Personalize.Core.Quantization;

namespace Personalize.Cli.Commands;

/// <summary><c>models quantize</c>: the same model in fewer bits, or in more.</summary>
internal static class ModelsQuantizeCommand
{
    private static readonly string[] TypeNames = ["Q4_0", "Q4_1", "Q8_0", "F16", "BF16", "F32"];
    private static readonly GgmlType[] Types = [GgmlType.Q4_0, GgmlType.Q4_1, GgmlType.Q8_0, GgmlType.F16, GgmlType.BF16, GgmlType.F32];

    public static Command Create(CommandHost host)
    {
        var source = new Argument<string>("in") { Description = "A GGUF file" };
        var target = new Argument<string>("out") { Description = "The GGUF file to write" };
        var type = TypeOption("--type", "How the linear maps are stored");
        type.Required = true;
        var embedding = TypeOption("--embedding", "How embedding and output layer are stored; they suffer most from few bits [default: as they are]");
        var command = new Command("quantize", "Write a model with its matrices in another type; norms and metadata stay") { source, target, type, embedding };
        host.Bind(command, context => Run(context, context.Get(source), context.Get(target), Parse(context.Get(type)!), context.Get(embedding) is { } name ? Parse(name) : null));
        return command;
    }

    private static Option<string?> TypeOption(string name, string description)
    {
        var option = new Option<string?>(name) { Description = description, HelpName = string.Join('|', TypeNames) };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string?>() is { } value && !TypeNames.Contains(value, StringComparer.OrdinalIgnoreCase))
            {
                result.AddError($"{name} must be one of {string.Join(", ", TypeNames)}");
            }
        });
        return option;
    }

    private static GgmlType Parse(string name) => Types[Array.FindIndex(TypeNames, known => string.Equals(known, name, StringComparison.OrdinalIgnoreCase))];

    private static int Run(CommandContext context, string source, string target, GgmlType type, GgmlType? embedding)
    {
        if (string.Equals(Path.GetFullPath(source), Path.GetFullPath(target), StringComparison.Ordinal))
        {
            throw new UsageException("in and out are the same file: give another place to write to");
        }

        var changed = RequantizedModelFile.Write(source, target, type, embedding);
        var bytes = new FileInfo(target).Length;
        context.Output.Result(
            json =>
            {
                json.WriteNumber("tensors", changed);
                json.WriteNumber("fileBytes", bytes);
            },
            _ => context.Output.Text(FormattableString.Invariant($"{target}: {bytes / 1e6:F2} MB, {changed} tensors in another type\n")));
        return ExitCode.Done;
    }
}
