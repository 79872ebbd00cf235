using Personalize.Core.Interactions;
using Personalize.Core.Profiles;

namespace Personalize.Core.Tests.Interactions;

/// <summary>A copy of the files at some moment is what a kill at that moment leaves.</summary>
public sealed class CrashTests : IDisposable
{
    private readonly StoreFixture _fixture = new();
    private readonly TemporaryFolder _folder = new();

    public void Dispose()
    {
        _fixture.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void What_was_acknowledged_survives_and_nothing_is_half_there()
    {
        const int Rounds = 12;
        var acknowledged = new List<string>();
        var snapshots = new List<(string Directory, string[] Expected)>();
        for (var round = 0; round < Rounds; round++)
        {
            Snapshot(acknowledged);
            _fixture.Store.AppendMany(Batch(round));
            acknowledged.AddRange(Batch(round).Select(interaction => interaction.Text));
            if (round % 4 == 3)
            {
                var oldest = _fixture.Store.ReadAll().First();
                _fixture.Store.Erase(oldest.Id);
                acknowledged.Remove(oldest.Text);
            }
        }

        foreach (var (directory, expected) in snapshots)
        {
            using var profile = Profile.Open(directory);
            Assert.True(profile.Interactions.Verify().IsClean);
            Assert.Equal(expected, profile.Interactions.ReadAll().Select(interaction => interaction.Text));
        }

        Assert.Equal(Rounds * 2, snapshots.Count);

        // The second snapshot of a round is taken in the middle of its transaction.
        IEnumerable<Interaction> Batch(int round)
        {
            for (var i = 0; i < 5; i++)
            {
                if (i == 3 && snapshots.Count == (round * 2) + 1)
                {
                    Snapshot(acknowledged);
                }

                yield return StoreFixture.Sample($"text {round} {i} {new string('x', 5000)}", (round * 10) + i);
            }
        }

        void Snapshot(List<string> texts)
        {
            var target = _folder[$"{snapshots.Count}"];
            Directory.CreateDirectory(target);
            foreach (var file in Directory.GetFiles(_fixture.Directory).Where(file => !file.EndsWith(".lock", StringComparison.Ordinal) && !file.EndsWith("-shm", StringComparison.Ordinal)))
            {
                var copy = Path.Combine(target, Path.GetFileName(file));
                using (var from = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite))
                using (var to = new FileStream(copy, FileMode.CreateNew))
                {
                    from.CopyTo(to);
                }

                if (!OperatingSystem.IsWindows())
                {
                    File.SetUnixFileMode(copy, UnixFileMode.UserRead | UnixFileMode.UserWrite);
                }
            }

            snapshots.Add((target, [.. texts]));
        }
    }
}
