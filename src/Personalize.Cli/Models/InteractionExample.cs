using Personalize.Core.Interactions;
using Personalize.Training.Data;

namespace Personalize.Cli.Models;

/// <summary>An interaction as training and judging see it.</summary>
internal static class InteractionExample
{
    /// <summary>Encodes context and reply with the model's template, cut at the end.</summary>
    public static TrainingExample Encode(Engine engine, Interaction interaction, int maximumTokens)
    {
        var encoded = engine.Chat.EncodeExample(interaction.Context, interaction.Text);
        return new TrainingExample(encoded.Ids, encoded.PromptLength).Truncate(Math.Min(maximumTokens, engine.Model.Description.ContextLength));
    }
}
