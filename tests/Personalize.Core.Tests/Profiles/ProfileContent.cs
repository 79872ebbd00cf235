using Personalize.Core.Profiles;

namespace Personalize.Core.Tests.Profiles;

/// <summary>All that a profile holds, as lines that can be compared.</summary>
internal static class ProfileContent
{
    public static IReadOnlyList<string> Of(Profile profile)
    {
        var lines = profile.Interactions.ReadAll().Select(i => $"{i.Id} {i.ExternalId} {i.Timestamp:O} {i.Source} {i.Context} {i.Text}").ToList();
        lines.AddRange(profile.Interactions.Consent.History.Select(entry => $"{entry.Source} {entry.Given} {entry.At:O}"));
        lines.AddRange(profile.Conversations.List().Select(name => $"{name}: {Read(profile.Conversations.OpenRead(name)!)}"));
        lines.AddRange(profile.Adapters.List().Select(record => $"{record.Id} {record.Status} {string.Join(' ', profile.Adapters.Load(record.Id).Pairs.SelectMany(pair => pair.A.Concat(pair.B)))}"));
        using var checkpoints = profile.OpenCheckpoints();
        lines.AddRange(checkpoints.Names(".state").Select(name => $"{name}: {Read(checkpoints.OpenRead(name))}"));
        return lines;
    }

    private static string Read(Stream stream)
    {
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
