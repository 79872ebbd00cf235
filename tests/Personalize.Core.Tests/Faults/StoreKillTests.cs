using System.Diagnostics;
using System.Globalization;
using Personalize.Core.Interactions;
using Personalize.Core.Profiles;
using Personalize.Core.Tests.Profiles;

namespace Personalize.Core.Tests.Faults;

/// <summary>A process that appends, erases, promotes adapters, changes the key and brings an old profile forward, killed at random moments, or on a disk that fills up. A few times unless the variable asks for a soak.</summary>
public sealed class StoreKillTests : IDisposable
{
    private const int DefaultKills = 8;
    private const int KillsOfAProfile = 8;

    private static readonly string?[] Beginnings = [null, "version-1-key-file", null, "schema-2-key-file"];

    private static readonly int Kills = int.TryParse(Environment.GetEnvironmentVariable("PERSONALIZE_KILLS"), CultureInfo.InvariantCulture, out var kills) ? kills : DefaultKills;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void However_often_it_is_killed_what_was_acknowledged_is_there_and_nothing_is_half_there()
        => Soak("killed", (random, path, seed) => KillAfter(Start(path, seed, fileBlocks: null), random.Next(60, 900)));

    [Fact]
    public void However_full_the_disk_is_what_was_acknowledged_is_there_and_nothing_is_half_there()
    {
        if (!OperatingSystem.IsWindows())
        {
            // In kilobytes, from where not even the database fits to where the journal does not.
            Soak("full", (random, path, seed) => KillAfter(Start(path, seed, fileBlocks: random.Next(20, 700)), 1500));
        }
    }

    private void Soak(string name, Func<Random, string, int, List<string>> run)
    {
        var random = new Random(20261122);
        var (appended, promoted, cutShort, refused) = (0L, 0, 0, 0);
        var kinds = new SortedDictionary<char, int>();
        string path = "";
        var expected = new Dictionary<long, long>();
        var adapters = new ExpectedAdapters(inUse: null);
        for (var kill = 0; kill < Kills; kill++)
        {
            if (kill % KillsOfAProfile == 0)
            {
                // Some begin with a profile that an earlier version made, whose rows they keep.
                path = _folder[$"{name}-{kill}"];
                expected.Clear();
                var old = Beginnings[kill / KillsOfAProfile % Beginnings.Length];
                adapters = new ExpectedAdapters(old is null ? null : OldProfile.KeyFileAdapter);
                if (old is not null)
                {
                    OldProfile.Copy(old, path);
                    foreach (var id in OldProfile.RowsOf(old))
                    {
                        expected[id] = -1;
                    }
                }
            }

            var lines = run(random, path, kill);
            if (!Profile.Exists(path))
            {
                Assert.DoesNotContain("O", lines);
                continue;
            }

            refused += lines.Count(line => line.StartsWith('X'));
            Assert.All(lines.Where(line => line.StartsWith('X')), line => Assert.StartsWith("X ProfileAccessException", line, StringComparison.Ordinal));
            using var profile = Profile.Open(path);
            var verification = profile.Interactions.Verify();
            Assert.True(verification.IsClean, $"kill {kill}: {verification.DamageDetail} {verification.Missing} missing, {verification.Corrupt.Count} corrupt, after {string.Join('|', lines.TakeLast(3))}");
            appended += Compare(profile.Interactions, expected, lines, $"kill {kill}");
            var before = adapters.Changes;
            adapters.Compare(profile.Adapters, lines, $"kill {kill}");
            promoted += adapters.Changes - before;
            if (lines.Count > 0 && char.IsAsciiLetterLower(lines[^1][0]))
            {
                cutShort++;
                kinds[lines[^1][0]] = kinds.GetValueOrDefault(lines[^1][0]) + 1;
            }

            if (profile.Conversations.OpenRead("one") is { } conversation)
            {
                using (conversation)
                {
                    conversation.CopyTo(Stream.Null);
                }
            }
        }

        Assert.True(appended > 0 || Kills < DefaultKills, "nothing was appended before the kills");
        if (Kills > DefaultKills)
        {
            Console.WriteLine($"{name}: {Kills} runs, {appended} rows and {promoted} promotions acknowledged, {refused} refused for space, {cutShort} in the middle of a step ({string.Join(", ", kinds.Select(kind => $"{kind.Key} {kind.Value}"))})");
        }
    }

    /// <summary>Follows what the process said, then compares with what is stored. What was begun and not acknowledged is there whole or not at all.</summary>
    private static long Compare(IInteractionStore store, Dictionary<long, long> expected, List<string> lines, string where)
    {
        (long First, int Count)? appending = null;
        long[]? erasing = null;
        long acknowledged = 0;
        foreach (var line in lines)
        {
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            switch (words[0])
            {
                case "a":
                    appending = (long.Parse(words[1], CultureInfo.InvariantCulture), int.Parse(words[2], CultureInfo.InvariantCulture));
                    break;
                case "A":
                    foreach (var (id, i) in words[1..].Select((id, i) => (long.Parse(id, CultureInfo.InvariantCulture), i)))
                    {
                        expected.Add(id, appending!.Value.First + i);
                        acknowledged++;
                    }

                    appending = null;
                    break;
                case "e":
                    erasing = [.. words[1..].Select(word => long.Parse(word, CultureInfo.InvariantCulture))];
                    break;
                case "E":
                    Array.ForEach(erasing!, id => expected.Remove(id));
                    erasing = null;
                    break;
            }
        }

        var found = store.ReadAll().ToDictionary(read => read.Id);
        if (erasing is not null && expected.Keys.Intersect(erasing).Any(id => !found.ContainsKey(id)))
        {
            Assert.All(erasing, id => Assert.False(found.ContainsKey(id), where + ": half of an erasure"));
            Array.ForEach(erasing, id => expected.Remove(id));
        }

        var surplus = found.Values.Where(read => !expected.ContainsKey(read.Id)).ToList();
        if (surplus.Count > 0)
        {
            Assert.Equal((where, appending?.Count), (where, surplus.Count));
            surplus.ForEach(read => expected.Add(read.Id, long.Parse(read.ExternalId!, CultureInfo.InvariantCulture)));
        }

        Assert.Equal((where, expected.Count), (where, found.Count));
        foreach (var (id, serial) in expected.Where(row => row.Value >= 0))
        {
            Assert.True(found[id].Text == StoreWorker.TextOf(serial), $"{where}: row {id}");
        }

        // Each of them is known, wherever the kill left its key.
        Assert.All(store.AppendMany(found.Values.Where(read => expected[read.Id] >= 0)), id => Assert.Null(id));
        return acknowledged;
    }

    private static List<string> KillAfter(Process process, int milliseconds)
    {
        using (process)
        {
            var lines = new List<string>();
            var reading = Task.Run(() =>
            {
                while (process.StandardOutput.ReadLine() is { } line)
                {
                    lines.Add(line);
                }
            });

            // From its first sign of life on: the start of the runtime is not what is tested. One that fails before ends by itself.
            var clock = Stopwatch.StartNew();
            while (lines.Count == 0 && !process.HasExited && clock.ElapsedMilliseconds < 60_000 && milliseconds > 300)
            {
                Thread.Sleep(5);
            }

            if (!process.WaitForExit(milliseconds))
            {
                process.Kill();
            }

            process.WaitForExit();
            reading.Wait();

            // The last line may be half a line.
            return lines;
        }
    }

    private static Process Start(string profile, int seed, int? fileBlocks)
    {
        var dotnet = Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet";
        string[] line = [dotnet, typeof(StoreWorker).Assembly.Location, profile, seed.ToString(CultureInfo.InvariantCulture)];

        // SIGXFSZ ignored, a write past the limit fails as one on a full disk does.
        var info = fileBlocks is { } blocks
            ? new ProcessStartInfo("/bin/bash", ["-c", string.Create(CultureInfo.InvariantCulture, $"trap '' XFSZ; ulimit -f {blocks}; exec \"$@\""), "bash", .. line])
            : new ProcessStartInfo(line[0], line[1..]);

        // The runtime keeps code in a file of its own, which the limit would hit too.
        info.Environment["DOTNET_EnableWriteXorExecute"] = "0";
        info.Environment["DOTNET_TieredPGO"] = "0";
        info.RedirectStandardOutput = true;
        return Process.Start(info)!;
    }
}
