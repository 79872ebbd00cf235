using Personalize.Training.Checkpoints;

namespace Personalize.Training.Tests.Support;

/// <summary>Checkpoints in memory that remember every state they were in, and can be told to fail.</summary>
internal sealed class MemoryCheckpoints : ICheckpointStorage
{
    private readonly SortedDictionary<int, byte[]> _files = [];

    /// <summary>What was there after each write and each deletion, and during each write: what a kill at that moment leaves.</summary>
    public List<MemoryCheckpoints> Moments { get; } = [];

    /// <summary>After how many bytes the disk is full.</summary>
    public long Capacity { get; set; } = long.MaxValue;

    public IReadOnlyList<int> Steps => [.. _files.Keys];

    public byte[] this[int step]
    {
        get => _files[step];
        set => _files[step] = value;
    }

    public string Locate(int step) => $"checkpoint {step}";

    public void Write(int step, Action<Stream> write)
    {
        Moments.Add(Copy());
        using var stream = new MemoryStream();
        write(stream);
        if (_files.Values.Sum(file => file.Length) + stream.Length > Capacity)
        {
            throw new IOException("no space is left");
        }

        _files[step] = stream.ToArray();
        Moments.Add(Copy());
    }

    public Stream OpenRead(int step) => new MemoryStream(_files[step]);

    public void Delete(int step)
    {
        _files.Remove(step);
        Moments.Add(Copy());
    }

    public MemoryCheckpoints Copy()
    {
        var copy = new MemoryCheckpoints();
        foreach (var (step, file) in _files)
        {
            copy._files[step] = file;
        }

        return copy;
    }
}
