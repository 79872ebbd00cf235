using Microsoft.Extensions.Options;
using Personalize.Core.Errors;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Core.Tokenization;

namespace Personalize.Hosting;

/// <summary>The base model of an application with its threads: loaded when it is first asked for, shared by chat and training, freed with the container. Safe to share between threads.</summary>
public sealed class PersonalModel : IDisposable
{
    private readonly Lazy<Loaded> _loaded;

    /// <summary>Prepares the model; nothing is read yet.</summary>
    /// <param name="options">Names the file and the threads.</param>
    /// <param name="time">The clock of chat templates that write the date.</param>
    public PersonalModel(IOptions<PersonalizationOptions> options, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(options);
        _loaded = new Lazy<Loaded>(() => Load(options.Value.ModelPath, options.Value.Threads, time));
    }

    /// <summary>The weights.</summary>
    /// <exception cref="ModelFormatException">The file is damaged or no model.</exception>
    /// <exception cref="UnsupportedModelException">The family or the tokenizer is not supported.</exception>
    /// <exception cref="TokenizerException">The tokenizer's parts contradict each other.</exception>
    /// <exception cref="ChatTemplateException">The chat template cannot be read.</exception>
    public DecoderModel Model => _loaded.Value.Model;

    /// <summary>The tokenizer and the chat template; throws what <see cref="Model"/> throws.</summary>
    public ChatFormat Format => _loaded.Value.Format;

    /// <summary>The threads; throws what <see cref="Model"/> throws.</summary>
    public WorkerPool Pool => _loaded.Value.Pool;

    /// <summary>Frees the weights and ends the threads, where they were ever asked for.</summary>
    public void Dispose()
    {
        if (_loaded.IsValueCreated)
        {
            _loaded.Value.Pool.Dispose();
            _loaded.Value.Model.Dispose();
        }
    }

    private static Loaded Load(string path, int threads, TimeProvider time)
    {
        using var file = GgufFile.Open(path);
        var format = ChatFormat.Load(file.Metadata, time);
        return new Loaded(DecoderModel.Load(file, threads), format, new WorkerPool(threads));
    }

    private sealed record Loaded(DecoderModel Model, ChatFormat Format, WorkerPool Pool);
}
