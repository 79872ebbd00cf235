using Personalize.Core.Kernels;
using Personalize.Core.Models;

namespace Personalize.Inference.Decoding;

/// <summary>Sizes and precision of a <see cref="DecoderSession"/>, checked as a whole when the session is made.</summary>
/// <remarks>
/// With a <see cref="WindowSize"/> the cache is bounded and the stream is not (attention sinks, arXiv 2309.17453): each token attends to the first <see cref="SinkTokenCount"/> tokens and to the
/// last <see cref="WindowSize"/>, its own included, at positions counted by place among these.
/// </remarks>
public sealed class DecoderSessionOptions
{
    /// <summary>
    /// How many tokens the conversation can hold. Null means all that the model was trained for, or, with a <see cref="WindowSize"/>, any number; a window lifts the model's limit.
    /// </summary>
    public int? ContextLength { get; init; }

    /// <summary>How many tokens of a prompt are computed together.</summary>
    public int ChunkSize { get; init; } = 128;

    /// <summary>The arithmetic of the linear maps.</summary>
    public ArithmeticPrecision Precision { get; init; } = ArithmeticPrecision.Served;

    /// <summary>How many of the last tokens a token attends to, its own included; null keeps all. At least <c>SinkTokenCount + RollbackTokens</c>.</summary>
    public int? WindowSize { get; init; }

    /// <summary>How many of the first tokens stay visible for ever; needs a <see cref="WindowSize"/>. Four are enough for models that were not trained with a sink.</summary>
    public int SinkTokenCount { get; init; }

    /// <summary>How many of the last tokens can be taken back where the cache is bounded, as a draft that was not accepted is. Without a window all can.</summary>
    public int RollbackTokens { get; init; }

    /// <summary>Checks all of it against a model.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A size is out of range.</exception>
    /// <exception cref="ArgumentException">Two sizes do not fit together.</exception>
    internal void Validate(DecoderDescription description)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(ContextLength ?? 1, nameof(ContextLength));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(ChunkSize);
        ArgumentOutOfRangeException.ThrowIfNegative(SinkTokenCount);
        ArgumentOutOfRangeException.ThrowIfNegative(RollbackTokens);
        if (WindowSize is not { } window)
        {
            if (SinkTokenCount > 0)
            {
                throw new ArgumentException($"{SinkTokenCount} sinks without a window: a cache that keeps all tokens has no sinks; set the window's size", nameof(SinkTokenCount));
            }

            return;
        }

        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(window, nameof(WindowSize));
        if (window < (long)SinkTokenCount + RollbackTokens)
        {
            throw new ArgumentException($"a window of {window} tokens is smaller than {SinkTokenCount} sinks and {RollbackTokens} tokens to be taken back: make the window larger", nameof(WindowSize));
        }

        if ((long)SinkTokenCount + window > description.ContextLength)
        {
            throw new ArgumentException(
                $"{SinkTokenCount} sinks and a window of {window} tokens are more than the {description.ContextLength} tokens that the model was trained for: make the window smaller", nameof(WindowSize));
        }
    }

    /// <summary>The number of tokens that may be fed.</summary>
    internal int LimitOf(DecoderDescription description) =>
        WindowSize is null ? Math.Min(ContextLength ?? description.ContextLength, description.ContextLength) : ContextLength ?? int.MaxValue;

    /// <summary>The layout of the cache. A conversation that ends before it fills the bounded cache needs no more than its own length.</summary>
    internal CacheLayout LayoutFor(DecoderDescription description)
    {
        var limit = LimitOf(description);
        return WindowSize is { } window && limit > SinkTokenCount + window
            ? CacheLayout.Streaming(SinkTokenCount, window, Math.Min(ChunkSize, limit), RollbackTokens)
            : CacheLayout.Linear(limit);
    }
}
