using System.Globalization;
using Personalize.Core.Profiles;
using Personalize.Training.Checkpoints;

namespace Personalize.Training.Jobs;

/// <summary>The checkpoints of one plan in a profile: <c>RUN.STEP.checkpoint</c>, sealed.</summary>
internal sealed class JournalCheckpoints(CheckpointFolder folder, string runId) : ICheckpointStorage
{
    private const string Extension = ".checkpoint";

    public IReadOnlyList<int> Steps
    {
        get
        {
            var steps = new List<int>();
            foreach (var name in folder.Names(Extension))
            {
                if (name.StartsWith(runId + ".", StringComparison.Ordinal)
                    && int.TryParse(name.AsSpan()[(runId.Length + 1)..^Extension.Length], NumberStyles.None, CultureInfo.InvariantCulture, out var step)
                    && string.Equals(name, NameOf(step), StringComparison.Ordinal))
                {
                    steps.Add(step);
                }
            }

            steps.Sort();
            return steps;
        }
    }

    public string Locate(int step) => folder.PathOf(NameOf(step));

    public void Write(int step, Action<Stream> write) => folder.Write(NameOf(step), write);

    public Stream OpenRead(int step) => folder.OpenRead(NameOf(step));

    public void Delete(int step) => folder.Delete(NameOf(step));

    private string NameOf(int step) => string.Create(CultureInfo.InvariantCulture, $"{runId}.{step:D8}{Extension}");
}
