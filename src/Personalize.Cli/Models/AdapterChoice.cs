using Personalize.Cli.Hosting;
using Personalize.Cli.Options;
using Personalize.Cli.Profiles;
using Personalize.Core.Adapters;
using Personalize.Core.Models;

namespace Personalize.Cli.Models;

/// <summary>Finds the adapter that a command works with.</summary>
internal static class AdapterChoice
{
    /// <summary>Finds it.</summary>
    /// <param name="context">Names the profile.</param>
    /// <param name="choice">An id, a path or <c>none</c>; null is the promoted adapter of the profile, if there is one.</param>
    /// <param name="model">The model it is to serve with.</param>
    /// <returns>The adapter, or null for the base alone.</returns>
    public static LoraAdapter? Find(CommandContext context, string? choice, DecoderModel model) => choice switch
    {
        AdapterOption.None => null,
        null => FindPromoted(context, model),
        _ when Directory.Exists(choice) || File.Exists(choice) => FromPath(choice, model),
        _ => FromProfile(context, choice),
    };

    /// <summary>Reads an adapter out of a PEFT folder or a GGUF file.</summary>
    public static LoraAdapter FromPath(string path, DecoderModel model) => Directory.Exists(path)
        ? PeftAdapter.Import(path, model.Description, model.Fingerprint)
        : GgufAdapter.Import(path, model.Description, model.Fingerprint);

    private static LoraAdapter FromProfile(CommandContext context, string id)
    {
        using var profile = ProfileAccess.TryOpenForReading(context)
            ?? throw new UsageException($"--adapter {id} is neither a file nor a folder, and there is no profile at {context.DataDirectory} that could hold an adapter of this id");
        return profile.Adapters.Load(id);
    }

    private static LoraAdapter? FindPromoted(CommandContext context, DecoderModel model)
    {
        using var profile = ProfileAccess.TryOpenForReading(context);
        if (profile?.Adapters.GetPromoted() is not { } promoted)
        {
            return null;
        }

        // Nobody asked for this adapter by name, so another model than its base is a reason to say so and not to fail.
        if (promoted.BaseFingerprint != model.Fingerprint)
        {
            context.Output.Warning($"the promoted adapter {promoted.Id} belongs to another base model and is not used");
            return null;
        }

        return profile.Adapters.Load(promoted.Id);
    }
}
