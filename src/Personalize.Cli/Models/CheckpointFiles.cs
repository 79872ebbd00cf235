using System.Globalization;
using Personalize.Cli.Hosting;
using Personalize.Training.Checkpoints;

namespace Personalize.Cli.Models;

/// <summary>Checkpoints of a run over public text as plain files of a folder, <c>STEP.checkpoint</c>.</summary>
internal sealed class CheckpointFiles(string directory) : ICheckpointStorage
{
    private const string Extension = ".checkpoint";

    public IReadOnlyList<int> Steps
    {
        get
        {
            if (!Directory.Exists(directory))
            {
                return [];
            }

            var steps = new List<int>();
            foreach (var path in Directory.EnumerateFiles(directory, "*" + Extension))
            {
                if (int.TryParse(Path.GetFileNameWithoutExtension(path), NumberStyles.None, CultureInfo.InvariantCulture, out var step) && string.Equals(Locate(step), path, StringComparison.Ordinal))
                {
                    steps.Add(step);
                }
            }

            steps.Sort();
            return steps;
        }
    }

    public string Locate(int step) => Path.Combine(directory, string.Create(CultureInfo.InvariantCulture, $"{step:D8}{Extension}"));

    /// <exception cref="OutputFileException">The folder cannot be made or written, or the disk is full.</exception>
    public void Write(int step, Action<Stream> write)
    {
        try
        {
            Directory.CreateDirectory(directory);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new OutputFileException(directory, exception);
        }

        OutputFile.Write(Locate(step), write);
    }

    public Stream OpenRead(int step) => TextFile.Open(Locate(step));

    public void Delete(int step) => File.Delete(Locate(step));
}
