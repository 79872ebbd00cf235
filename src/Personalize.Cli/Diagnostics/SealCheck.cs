using System.Text;
using Personalize.Core.Interactions;

namespace Personalize.Cli.Diagnostics;

/// <summary>What lies in a profile's folder, and whether any of a person's words can be read there without the key.</summary>
/// <param name="Files">How many files there are.</param>
/// <param name="Bytes">How many bytes they have together.</param>
/// <param name="ReadableTexts">How many of the texts that were looked for stand in a file as they are; 0 in a sound profile.</param>
/// <param name="SoughtTexts">How many were looked for.</param>
internal sealed record SealCheck(int Files, long Bytes, int ReadableTexts, int SoughtTexts)
{
    private const int MostTexts = 16;
    private const int LeastLength = 8;
    private const int MostLength = 24;

    /// <summary>Reads every file of a profile that nobody writes to, and looks for the beginnings of some texts in UTF-8 and UTF-16.</summary>
    public static SealCheck Run(string folder, IReadOnlyList<Interaction> interactions)
    {
        var texts = Choose(interactions);
        var found = new bool[texts.Length];
        var (files, bytes) = (0, 0L);
        foreach (var path in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
        {
            var content = File.ReadAllBytes(path);
            (files, bytes) = (files + 1, bytes + content.LongLength);
            for (var i = 0; i < texts.Length; i++)
            {
                found[i] = found[i] || content.AsSpan().IndexOf(Encoding.UTF8.GetBytes(texts[i])) >= 0 || content.AsSpan().IndexOf(Encoding.Unicode.GetBytes(texts[i])) >= 0;
            }
        }

        return new SealCheck(files, bytes, found.Count(readable => readable), texts.Length);
    }

    // Very short texts would be found by chance.
    private static string[] Choose(IReadOnlyList<Interaction> interactions)
    {
        var candidates = interactions.Select(interaction => interaction.Text).Where(text => text.Length >= LeastLength).Select(text => text[..Math.Min(MostLength, text.Length)]).Distinct(StringComparer.Ordinal).ToArray();
        return [.. Enumerable.Range(0, Math.Min(MostTexts, candidates.Length)).Select(i => candidates[i * candidates.Length / Math.Min(MostTexts, candidates.Length)])];
    }
}
