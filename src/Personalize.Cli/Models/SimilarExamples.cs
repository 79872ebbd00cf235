using Personalize.Core.Interactions;
using Personalize.Inference.Retrieval;
using Personalize.Training.Data;

namespace Personalize.Cli.Models;

/// <summary>Examples with similar interactions before their prompts.</summary>
internal static class SimilarExamples
{
    /// <summary>Encodes them.</summary>
    /// <param name="engine">The model.</param>
    /// <param name="interactions">What is judged.</param>
    /// <param name="plain">The same as examples by themselves: the replies get exactly their tokens, so that losses can be compared.</param>
    /// <param name="known">What is searched.</param>
    /// <param name="options">How.</param>
    public static List<TrainingExample> Encode(Engine engine, List<Interaction> interactions, List<TrainingExample> plain, List<Interaction> known, RetrievalOptions options)
    {
        var index = new InteractionIndex(engine.Tokenizer, options);
        var byId = new Dictionary<long, Interaction>();
        foreach (var interaction in known.Select((interaction, row) => interaction with { Id = row }))
        {
            byId.Add(interaction.Id, interaction);
            _ = index.Add(interaction);
        }

        var prompt = new RetrievalPrompt(engine.Tokenizer, options);
        return [.. interactions.Zip(plain, (interaction, example) =>
        {
            var similar = index.Find(interaction.Context).Select(found => byId[found.InteractionId]);
            var encoded = engine.Chat.EncodeExample(prompt.Compose(similar, interaction.Context), interaction.Text);
            var whole = new TrainingExample(encoded.Ids, encoded.PromptLength);
            return whole.Truncate(encoded.PromptLength + Math.Max(0, example.Length - example.PromptLength));
        })];
    }
}
