using Personalize.Cli.Hosting;

namespace Personalize.Cli.Benchmarks;

/// <summary>Where a benchmark writes files: a folder that was named and stays, or one of its own that goes.</summary>
internal sealed class BenchmarkFolder : IDisposable
{
    private readonly bool _isTemporary;

    public BenchmarkFolder(string? path)
    {
        _isTemporary = path is null;
        try
        {
            Path = path is null ? Directory.CreateTempSubdirectory("personalize-bench-").FullName : Directory.CreateDirectory(path).FullName;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new OutputFileException(path ?? "the system's folder for temporary files", exception);
        }
    }

    public string Path { get; }

    public void Dispose()
    {
        if (_isTemporary)
        {
            Directory.Delete(Path, recursive: true);
        }
    }
}
