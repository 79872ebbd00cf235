using Personalize.Core.Adapters;
using Personalize.Core.Formats.Gguf;

namespace Personalize.Core.Models;

/// <summary>A model file ready to compute with: its description, its packed weights and, when asked, its fingerprint. Read-only and safe to share between threads.</summary>
public sealed class DecoderModel : IDisposable
{
    private readonly Lazy<string> _fingerprint;

    private DecoderModel(string path, DecoderDescription description, DecoderWeights weights)
    {
        Path = path;
        Description = description;
        Weights = weights;
        _fingerprint = new Lazy<string>(() =>
        {
            using var file = GgufFile.Open(Path);
            return file.Fingerprint;
        });
    }

    /// <summary>The model file.</summary>
    public string Path { get; }

    /// <summary>Sizes and choices.</summary>
    public DecoderDescription Description { get; }

    /// <summary>The packed weights.</summary>
    public DecoderWeights Weights { get; }

    /// <summary>The SHA-256 of the file's tensors, see <see cref="GgufFile.Fingerprint"/>; read from the file the first time it is asked for.</summary>
    public string Fingerprint => _fingerprint.Value;

    /// <summary>Reads and packs a model.</summary>
    /// <param name="file">An open model file; not needed afterwards.</param>
    /// <param name="threads">How many threads pack; 0 means one for each core.</param>
    /// <returns>The model; the caller disposes it.</returns>
    /// <exception cref="Errors.ModelFormatException">The file is damaged, or its tensors do not fit its metadata.</exception>
    /// <exception cref="Errors.UnsupportedModelException">The family is not supported.</exception>
    public static DecoderModel Load(GgufFile file, int threads = 0)
    {
        var description = DecoderDescriptionReader.Read(file);
        return new DecoderModel(file.Path, description, DecoderWeightsLoader.Load(file, description, threads));
    }

    /// <summary>The sizes of an adaptable map.</summary>
    /// <param name="module">Which of the seven.</param>
    /// <returns>The size of its input and of its output.</returns>
    public (int Input, int Output) GetShape(LinearModule module)
    {
        var weight = Weights.Layers[0][module];
        return (weight.Columns, weight.Rows);
    }

    /// <inheritdoc/>
    public void Dispose() => Weights.Dispose();
}
