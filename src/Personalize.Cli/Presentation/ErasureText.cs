using System.Text.Json;
using Personalize.Cli.Profiles;

namespace Personalize.Cli.Presentation;

/// <summary>What is said after erasing.</summary>
internal static class ErasureText
{
    public static void Write(Output output, StoreErasure erasure) => output.Result(
        json =>
        {
            json.WriteNumber("erased", erasure.Erased);
            json.WriteStartArray("adaptersAffected");
            foreach (var adapter in erasure.AdaptersAffected)
            {
                json.WriteStringValue(adapter);
            }

            json.WriteEndArray();
        },
        _ =>
        {
            output.Text($"{erasure.Erased} erased\n");
            foreach (var adapter in erasure.AdaptersAffected)
            {
                output.Warning($"adapter {adapter} may have learned from what was erased: train --now --resume makes one that never saw it, then adapters remove {adapter}");
            }
        });
}
