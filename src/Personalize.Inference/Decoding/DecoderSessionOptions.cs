using Personalize.Core.Kernels;
using Personalize.Core.Models;

namespace Personalize.Inference.Decoding;

/// <summary>Sizes and precision of a <see cref="DecoderSession"/>. Every value is checked where it is set, and all of them together when the session is made; immutable.</summary>
/// <remarks>
/// With a <see cref="WindowSize"/> the cache is bounded and the stream is not (attention sinks, arXiv 2309.17453): each token attends to the first <see cref="SinkTokenCount"/> tokens and to the
/// last <see cref="WindowSize"/>, its own included, at positions counted by place among these.
/// </remarks>
public sealed record DecoderSessionOptions
{
    /// <summary>
    /// How many tokens the conversation can hold. Null means all that the model was trained for, or, with a <see cref="WindowSize"/>, any number; a window lifts the model's limit.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 1.</exception>
    public int? ContextLength
    {
        get;
        init => field = value is null or >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "At least 1.");
    }

    /// <summary>How many tokens of a prompt are computed together.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 1.</exception>
    public int ChunkSize
    {
        get;
        init => field = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "At least 1.");
    } = 128;

    /// <summary>The arithmetic of the linear maps.</summary>
    public ArithmeticPrecision Precision { get; init; } = ArithmeticPrecision.Served;

    /// <summary>How keys and values are kept; null means half precision where the maps are served, single where they are exact.</summary>
    public KeyValuePrecision? KeyValuePrecision { get; init; }

    /// <summary>How many of the last tokens a token attends to, its own included; null keeps all. At least <c>SinkTokenCount + RollbackTokens</c>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 1.</exception>
    public int? WindowSize
    {
        get;
        init => field = value is null or >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "At least 1.");
    }

    /// <summary>How many of the first tokens stay visible for ever; needs a <see cref="WindowSize"/>. Four are enough for models that were not trained with a sink.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 0.</exception>
    public int SinkTokenCount
    {
        get;
        init => field = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "At least 0.");
    }

    /// <summary>How many of the last tokens can be taken back where the cache is bounded, as a draft that was not accepted is. Without a window all can.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 0.</exception>
    public int RollbackTokens
    {
        get;
        init => field = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "At least 0.");
    }

    /// <summary>How many bytes the model and this session may take together; null asks the runtime what the device, or the container, has. What needs more is refused before it is allocated.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 1.</exception>
    public long? MemoryLimitBytes
    {
        get;
        init => field = value is null or >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "At least 1.");
    }

    /// <summary>Checks whether the sizes fit each other and a model.</summary>
    /// <exception cref="ArgumentException">They do not.</exception>
    internal static void Validate(DecoderSessionOptions options, DecoderDescription description)
    {
        if (options.WindowSize is not { } window)
        {
            if (options.SinkTokenCount > 0)
            {
                throw new ArgumentException($"{options.SinkTokenCount} sinks without a window: a cache that keeps all tokens has no sinks; set WindowSize", nameof(options));
            }

            return;
        }

        if (window < (long)options.SinkTokenCount + options.RollbackTokens)
        {
            throw new ArgumentException(
                $"a window of {window} tokens is smaller than {options.SinkTokenCount} sinks and {options.RollbackTokens} tokens to be taken back: make the window larger", nameof(options));
        }

        if ((long)options.SinkTokenCount + window > description.ContextLength)
        {
            throw new ArgumentException(
                $"{options.SinkTokenCount} sinks and a window of {window} tokens are more than the {description.ContextLength} tokens that the model was trained for: make the window smaller", nameof(options));
        }
    }

    /// <summary>The number of tokens that may be fed.</summary>
    internal int LimitOf(DecoderDescription description) =>
        WindowSize is null ? Math.Min(ContextLength ?? description.ContextLength, description.ContextLength) : ContextLength ?? int.MaxValue;

    /// <summary>The format of the cache.</summary>
    internal KeyValuePrecision CachePrecision => KeyValuePrecision ?? (Precision == ArithmeticPrecision.Served ? Core.Kernels.KeyValuePrecision.Half : Core.Kernels.KeyValuePrecision.Single);

    /// <summary>The layout of the cache. A conversation that ends before it fills the bounded cache needs no more than its own length.</summary>
    internal CacheLayout LayoutFor(DecoderDescription description)
    {
        var limit = LimitOf(description);
        return WindowSize is { } window && limit > SinkTokenCount + window
            ? CacheLayout.Streaming(SinkTokenCount, window, Math.Min(ChunkSize, limit), RollbackTokens)
            : CacheLayout.Linear(limit);
    }
}
