using Personalize.Core.Errors;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Core.Tokenization;

namespace Personalize.Hosting.Overnight;

/// <summary>A model for one slice of work: loaded when there is work to do and freed with it, so that the day costs no memory, or borrowed from who has it loaded.</summary>
public sealed class OvernightModel : IDisposable
{
    private readonly bool _ownsModel;

    private OvernightModel(DecoderModel model, ChatFormat format, int threads, bool ownsModel)
    {
        (Model, Format, _ownsModel) = (model, format, ownsModel);
        Pool = new WorkerPool(threads == 0 ? Environment.ProcessorCount : threads);
    }

    /// <summary>The weights.</summary>
    public DecoderModel Model { get; }

    /// <summary>Tokenizer and chat template.</summary>
    public ChatFormat Format { get; }

    /// <summary>The threads.</summary>
    public WorkerPool Pool { get; }

    /// <summary>Loads a model.</summary>
    /// <param name="path">The GGUF file.</param>
    /// <param name="threads">How many threads compute; 0 means one for each core.</param>
    /// <param name="time">Where templates that write the date take it from.</param>
    /// <returns>The model; the caller disposes it.</returns>
    /// <exception cref="PersonalizeException">The file is missing, damaged, not supported, or too large for the memory there is.</exception>
    public static OvernightModel Load(string path, int threads, TimeProvider time)
    {
        using var file = GgufFile.Open(path);
        var format = ChatFormat.Load(file.Metadata, time);
        var model = DecoderModel.Load(file, threads);
        return new OvernightModel(model, format, threads, ownsModel: true);
    }

    /// <summary>Works with a model that somebody else has loaded, on threads of its own.</summary>
    /// <param name="model">The weights, which must outlive this.</param>
    /// <param name="format">Tokenizer and chat template.</param>
    /// <param name="threads">How many threads compute; 0 means one for each core.</param>
    /// <returns>The model; the caller disposes it, which leaves the weights.</returns>
    public static OvernightModel Borrow(DecoderModel model, ChatFormat format, int threads) => new(model, format, threads, ownsModel: false);

    /// <summary>Ends the threads, and frees the weights where they were loaded for this.</summary>
    public void Dispose()
    {
        Pool.Dispose();
        if (_ownsModel)
        {
            Model.Dispose();
        }
    }
}
