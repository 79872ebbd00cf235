using System.Globalization;
using Personalize.Core.Errors;
using Personalize.Core.Interactions;
using Personalize.Core.Profiles;
using Personalize.Core.Tests.Profiles;

namespace Personalize.Core.Tests.Faults;

/// <summary>Random flips of single bits over all files of a profile: each is noticed, or changes nothing. A few hundred unless the variable asks for more.</summary>
public sealed class BitFlipTests : IDisposable
{
    private const int DefaultFlips = 300;

    private static readonly int Flips = int.TryParse(Environment.GetEnvironmentVariable("PERSONALIZE_FLIPS"), CultureInfo.InvariantCulture, out var flips) ? flips : DefaultFlips;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_flipped_bit_is_noticed_or_harmless()
    {
        var path = OldProfile.Copy("version-1-key-file", _folder["profile"]);
        IReadOnlyList<string> expected;
        using (var profile = Profile.Open(path))
        {
            profile.Interactions.Consent.Give("mail");
            profile.Interactions.AppendMany(Enumerable.Range(0, 30).Select(i => new Interaction(0, $"x{i}", DateTimeOffset.UnixEpoch.AddDays(i), "mail", $"context {i}", new string('t', i * 20) + ".")));
            profile.RotateKey();
            expected = ProfileContent.Of(profile);
        }

        File.Delete(Path.Combine(path, "interactions.db-wal"));
        File.Delete(Path.Combine(path, "interactions.db-shm"));
        var files = Directory.GetFiles(path, "*", SearchOption.AllDirectories).Where(file => !file.EndsWith(".lock", StringComparison.Ordinal)).ToDictionary(file => file, File.ReadAllBytes);
        var names = files.Keys.Where(file => files[file].Length > 0).Order(StringComparer.Ordinal).ToArray();
        Assert.True(names.Length >= 7);
        var random = new Random(31);
        var (noticed, harmless) = (0, 0);
        for (var flip = 0; flip < Flips; flip++)
        {
            // Each file as often as any other, however small.
            var name = names[flip % names.Length];
            var bytes = (byte[])files[name].Clone();
            var bit = random.Next(bytes.Length * 8);
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            File.WriteAllBytes(name, bytes);
            var forReading = flip / names.Length % 2 == 0;
            try
            {
                using var profile = Profile.Open(path, new ProfileOptions { OpenForReading = forReading });
                var clean = profile.Interactions.Verify().IsClean;
                var intact = profile.Interactions.ReadIntact().Select(read => $"{read.Id} {read.ExternalId} {read.Timestamp:O} {read.Source} {read.Context} {read.Text}").ToList();
                Assert.Subset(expected.ToHashSet(StringComparer.Ordinal), intact.ToHashSet(StringComparer.Ordinal));
                var content = ProfileContent.Of(profile);
                Assert.True(content.SequenceEqual(expected, StringComparer.Ordinal), $"bit {bit} of {Path.GetFileName(name)} changed what is read and was not noticed");
                _ = clean ? harmless++ : noticed++;
            }
            catch (PersonalizeException)
            {
                noticed++;
            }

            Restore(path, files);
        }

        Assert.True(noticed > Flips / 4, $"{noticed} of {Flips} noticed");
        if (Flips > DefaultFlips)
        {
            Console.WriteLine($"{Flips} flips: {noticed} noticed, {harmless} harmless, none silent");
        }
    }

    private static void Restore(string path, Dictionary<string, byte[]> files)
    {
        foreach (var file in Directory.GetFiles(path, "*", SearchOption.AllDirectories).Where(file => !file.EndsWith(".lock", StringComparison.Ordinal)))
        {
            if (!files.TryGetValue(file, out var content))
            {
                File.Delete(file);
            }
            else if (!File.ReadAllBytes(file).AsSpan().SequenceEqual(content))
            {
                File.WriteAllBytes(file, content);
            }
        }

        foreach (var (file, content) in files.Where(entry => !File.Exists(entry.Key)))
        {
            File.WriteAllBytes(file, content);
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            }
        }
    }
}
