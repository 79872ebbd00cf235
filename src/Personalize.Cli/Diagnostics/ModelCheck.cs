using Personalize.Cli.Hosting;
using Personalize.Cli.Models;
using Personalize.Core.Errors;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Models;
using Personalize.Core.Tokenization;

namespace Personalize.Cli.Diagnostics;

/// <summary>The doctor's look at the model: everything that loading checks but the weights themselves.</summary>
internal static class ModelCheck
{
    public static Check Run(CommandContext context)
    {
        try
        {
            if (ModelFile.TryLocate(context) is not { } path)
            {
                return new Check("model", true, "none is known yet: pass one with --model PATH (a GGUF file)");
            }

            using var file = GgufFile.Open(path);
            var description = DecoderDescriptionReader.Read(file);
            _ = ChatFormat.Load(file.Metadata, context.Time);
            return new Check("model", true, $"{Path.GetFileName(file.Path)}: {description.Architecture}, {description.LayerCount} layers, context {description.ContextLength}");
        }
        catch (PersonalizeException exception)
        {
            return new Check("model", false, ErrorReport.Of(exception).Line);
        }
    }
}
