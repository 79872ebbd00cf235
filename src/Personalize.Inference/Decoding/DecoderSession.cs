using Personalize.Core.Adapters;
using Personalize.Core.Errors;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Inference.Adapters;
using Personalize.Inference.Generation;
using Personalize.Inference.KvCache;

namespace Personalize.Inference.Decoding;

/// <summary>
/// One conversation with a decoder: its cache, its buffers and the forward pass over the shared packed weights. Chunks of any size give the same logits to the bit.
/// Not thread-safe: a second thread that feeds or takes back while one does is refused. Several sessions may share a model, an adapter and a pool.
/// </summary>
public sealed unsafe partial class DecoderSession : IDecoderSession, IRestorableSession, IDisposable
{
    /// <summary>The most tokens that one pass can verify.</summary>
    public const int MostVerifyTokens = 16;

    private readonly DecoderModel _model;
    private readonly DecoderDescription _description;
    private readonly WorkerPool _pool;
    private AttachedAdapter? _adapter;
    private readonly ArithmeticPrecision _precision;
    private readonly int _chunk;
    private readonly RotaryAngles _rotary;
    private readonly RotaryAngles? _sinkRotary;
    private readonly KeyValueCache _cache;
    private readonly LinearProjector _projector;
    private readonly NativeBuffer<float> _stream;
    private readonly NativeBuffer<float> _normed;
    private readonly NativeBuffer<float> _query;
    private readonly NativeBuffer<float>? _sinkQuery;
    private readonly NativeBuffer<float> _key;
    private readonly NativeBuffer<float> _value;
    private readonly NativeBuffer<float> _mixed;
    private readonly NativeBuffer<float> _gate;
    private readonly NativeBuffer<float> _up;
    private readonly NativeBuffer<float> _logits;
    private int _logitsRow = -1;
    private int _verifiedTokens;

    /// <summary>Plans all buffers; nothing is allocated afterwards.</summary>
    /// <param name="model">The shared weights; must outlive the session.</param>
    /// <param name="pool">The threads; must outlive the session.</param>
    /// <param name="options">Sizes and precision.</param>
    /// <param name="adapter">An adapter to serve with, or null; must outlive the session.</param>
    /// <exception cref="ArgumentException">The options ask for what cannot be; see <see cref="DecoderSessionOptions"/>.</exception>
    /// <exception cref="MemoryShortageException">Model and session need more than there is; nothing was allocated.</exception>
    public DecoderSession(DecoderModel model, WorkerPool pool, DecoderSessionOptions? options = null, AttachedAdapter? adapter = null)
    {
        options ??= new DecoderSessionOptions();
        var d = model.Description;
        _model = model;
        _description = d;
        _pool = pool;
        _adapter = adapter;
        DecoderSessionOptions.Validate(options, d);
        RequireMemory(model, options);
        _precision = options.Precision;
        ContextLength = options.LimitOf(d);
        _chunk = Math.Min(options.ChunkSize, ContextLength);
        _cache = new KeyValueCache(d, options.LayoutFor(d), options.CachePrecision);
        _rotary = CreateAngles(_chunk);
        if (_cache.Layout.SinkTokenCount > 0)
        {
            _sinkRotary = CreateAngles(1);
            _sinkRotary.MoveTo(_cache.Layout.VisibleTokens - 1, 1);
            _sinkQuery = Allocate(d.QuerySize);
        }

        _projector = new LinearProjector(pool, options.Precision, _chunk, Math.Max(Math.Max(d.HiddenSize, d.QuerySize), d.IntermediateSize));
        _stream = Allocate(d.HiddenSize);
        _normed = Allocate(d.HiddenSize);
        _query = Allocate(d.QuerySize);
        _key = Allocate(d.KeyValueSize);
        _value = Allocate(d.KeyValueSize);
        _mixed = Allocate(d.QuerySize);
        _gate = Allocate(d.IntermediateSize);
        _up = Allocate(d.IntermediateSize);
        _logits = new NativeBuffer<float>((long)Math.Min(MostVerifyTokens, _chunk) * d.VocabularySize);
    }

    /// <inheritdoc/>
    public int Position { get; private set; }

    /// <inheritdoc/>
    public int ContextLength { get; }

    /// <inheritdoc/>
    public int VocabularySize => _description.VocabularySize;

    /// <inheritdoc/>
    public int MaxVerifyTokens => Math.Min(MostVerifyTokens, _chunk);

    /// <inheritdoc/>
    public ReadOnlySpan<float> Logits => _logitsRow >= 0
        ? new ReadOnlySpan<float>(_logits.Pointer + ((long)_logitsRow * VocabularySize), VocabularySize)
        : throw new InvalidOperationException("no token was fed since the session began or was truncated");

    /// <summary>Told the input of every group of linear maps that share one, for calibration; null costs nothing.</summary>
    internal ProjectionInputObserver? OnProjectionInput { get; set; }

    /// <summary>Computes the maps that it names as an engine that rounds their inputs to 8 bits; null costs nothing. Of use in single precision, where nothing else is rounded.</summary>
    internal EightBitInputs? EightBitInputs { get; set; }

    /// <summary>How many bytes the session's buffers take, the cache included.</summary>
    public long ByteLength =>
        _cache.ByteLength + _projector.ByteLength + _rotary.ByteLength + (_sinkRotary?.ByteLength ?? 0) + (_sinkQuery?.ByteLength ?? 0) + _stream.ByteLength + _normed.ByteLength + _query.ByteLength + _key.ByteLength + _value.ByteLength
        + _mixed.ByteLength + _gate.ByteLength + _up.ByteLength + _logits.ByteLength;

    /// <inheritdoc/>
    public void Prefill(ReadOnlySpan<int> tokens, CancellationToken cancellationToken) => Feed(tokens, onLogits: null, onHiddenState: null, cancellationToken);

    /// <inheritdoc/>
    public void Decode(int token) => Feed([token], onLogits: null, onHiddenState: null, CancellationToken.None);

    /// <inheritdoc/>
    public void Verify(ReadOnlySpan<int> tokens)
    {
        ArgumentOutOfRangeException.ThrowIfZero(tokens.Length, nameof(tokens));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(tokens.Length, MaxVerifyTokens, nameof(tokens));

        // One chunk and one pass of the output layer, so that the rows of all tokens stand in the buffer.
        Feed(tokens, onLogits: static (_, _) => { }, onHiddenState: null, CancellationToken.None);
        _verifiedTokens = tokens.Length;
    }

    /// <inheritdoc/>
    public ReadOnlySpan<float> VerifiedLogits(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, _verifiedTokens);
        return new ReadOnlySpan<float>(_logits.Pointer + ((long)index * VocabularySize), VocabularySize);
    }

    /// <summary>Feeds several tokens and reports the logits of each.</summary>
    /// <param name="tokens">At least one token id.</param>
    /// <param name="onLogits">Called for each token in order; null computes the last token's logits only.</param>
    /// <param name="onHiddenState">Called after the embedding and after each layer of each chunk, or null.</param>
    /// <param name="cancellationToken">Looked at between chunks.</param>
    /// <exception cref="ContextLengthException">More tokens than the conversation can hold; nothing was fed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled between two chunks.</exception>
    /// <exception cref="InvalidOperationException">Another thread uses the session; what that does is not disturbed.</exception>
    public void Feed(ReadOnlySpan<int> tokens, LogitsConsumer? onLogits, HiddenStateConsumer? onHiddenState, CancellationToken cancellationToken)
    {
        using var use = BeginUse();
        if (tokens.Length > ContextLength - Position)
        {
            throw new ContextLengthException(tokens.Length, ContextLength - Position);
        }

        foreach (var token in tokens)
        {
            if ((uint)token >= (uint)VocabularySize)
            {
                throw new ArgumentOutOfRangeException(nameof(tokens), token, $"token ids are below {VocabularySize}");
            }
        }

        _verifiedTokens = 0;
        _logitsRow = tokens.Length > 0 ? -1 : _logitsRow;
        for (var first = 0; first < tokens.Length; first += _chunk)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var count = Math.Min(_chunk, tokens.Length - first);
            RunLayers(tokens.Slice(first, count), first, onHiddenState);
            Position += count;
            if (onLogits is not null)
            {
                RunOutput(0, count, first, onLogits);
            }
            else if (first + count == tokens.Length)
            {
                RunOutput(count - 1, 1, 0, null);
            }
        }
    }

    /// <inheritdoc/>
    public bool CanTruncateTo(int position) => position >= 0 && position <= Position && _cache.CanReturnTo(position);

    /// <inheritdoc/>
    public void TruncateTo(int position)
    {
        using var use = BeginUse();
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(position, Position);
        if (!_cache.CanReturnTo(position))
        {
            throw new InvalidOperationException($"the tokens before position {position} left the window: a bounded cache takes back the last RollbackTokens tokens, or all but the sinks");
        }

        Position = position;
        _logitsRow = -1;
        _verifiedTokens = 0;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _rotary.Dispose();
        _sinkRotary?.Dispose();
        _sinkQuery?.Dispose();
        _cache.Dispose();
        _projector.Dispose();
        foreach (var buffer in new[] { _stream, _normed, _query, _key, _value, _mixed, _gate, _up, _logits })
        {
            buffer.Dispose();
        }
    }

    private NativeBuffer<float> Allocate(int size) => new((long)_chunk * size);

    private RotaryAngles CreateAngles(int room) => new(_description.HeadDimension, _description.RotaryDimension, _description.RotaryBase, _description.RotaryFactors.ToArray(), room);

    private void RunLayers(ReadOnlySpan<int> tokens, int firstIndex, HiddenStateConsumer? onHiddenState)
    {
        var d = _description;
        var count = tokens.Length;
        _rotary.MoveTo(Position, count);
        _cache.Claim(Position, count);
        for (var t = 0; t < count; t++)
        {
            _model.Weights.TokenEmbedding.ReadRow(tokens[t], new Span<float>(_stream.Pointer + ((long)t * d.HiddenSize), d.HiddenSize));
        }

        onHiddenState?.Invoke(0, firstIndex, new ReadOnlySpan<float>(_stream.Pointer, count * d.HiddenSize));
        AddAndNormalize(count, delta: null, _model.Weights.Layers[0].AttentionNorm);
        RunLayersFrom(0, count, firstIndex, onHiddenState);
    }

    private void RunLayersFrom(int firstLayer, int count, int firstIndex, HiddenStateConsumer? onHiddenState)
    {
        var d = _description;
        for (var layer = firstLayer; layer < d.LayerCount; layer++)
        {
            var weights = _model.Weights.Layers[layer];
            Project(
                layer,
                LinearModule.Query,
                _normed.Pointer,
                count,
                new Projection(weights.Query, _query.Pointer, weights.QueryBias, _adapter?[layer, LinearModule.Query]),
                new Projection(weights.Key, _key.Pointer, weights.KeyBias, _adapter?[layer, LinearModule.Key]),
                new Projection(weights.Value, _value.Pointer, weights.ValueBias, _adapter?[layer, LinearModule.Value]));
            RotateAndStore(layer, count);
            CachedAttention.Run(
                _pool,
                _query.Pointer,
                _sinkQuery is null ? null : _sinkQuery.Pointer,
                _cache.Keys(layer),
                _cache.Values(layer),
                _mixed.Pointer,
                count,
                Position,
                _cache.Layout,
                _cache.Precision,
                d.HeadCount,
                d.KeyValueHeadCount,
                d.HeadDimension);
            Project(layer, LinearModule.Output, _mixed.Pointer, count, new Projection(weights.Output, _normed.Pointer, null, _adapter?[layer, LinearModule.Output]));
            AddAndNormalize(count, _normed.Pointer, weights.FeedForwardNorm);
            Project(
                layer,
                LinearModule.Gate,
                _normed.Pointer,
                count,
                new Projection(weights.Gate, _gate.Pointer, null, _adapter?[layer, LinearModule.Gate]),
                new Projection(weights.Up, _up.Pointer, null, _adapter?[layer, LinearModule.Up]));
            var activate = new ActivateWork { Gate = _gate.Pointer, Up = _up.Pointer, Size = d.IntermediateSize };
            _pool.Run(ref activate, count, grain: 2);
            Project(layer, LinearModule.Down, _gate.Pointer, count, new Projection(weights.Down, _normed.Pointer, null, _adapter?[layer, LinearModule.Down]));
            AddAndNormalize(count, _normed.Pointer, layer + 1 < d.LayerCount ? _model.Weights.Layers[layer + 1].AttentionNorm : _model.Weights.OutputNorm);
            onHiddenState?.Invoke(layer + 1, firstIndex, new ReadOnlySpan<float>(_stream.Pointer, count * d.HiddenSize));
        }
    }

    /// <summary>Computes the maps of a layer that share an input: <paramref name="group"/> and those that follow it.</summary>
    private void Project(int layer, LinearModule group, float* x, int count, in Projection first, in Projection second = default, in Projection third = default)
    {
        OnProjectionInput?.Invoke(layer, group, x, count);
        if (EightBitInputs is { } eightBits)
        {
            var length = count * first.Weight.Columns;
            _projector.Run(eightBits.Of(layer, group, x, length), count, first);
            if (second.Weight is not null)
            {
                _projector.Run(eightBits.Of(layer, group + 1, x, length), count, second);
            }

            if (third.Weight is not null)
            {
                _projector.Run(eightBits.Of(layer, group + 2, x, length), count, third);
            }
        }
        else
        {
            _projector.Run(x, count, first, second, third);
        }
    }

    private void RotateAndStore(int layer, int count)
    {
        var d = _description;
        for (var t = 0; t < count; t++)
        {
            var query = _query.Pointer + ((long)t * d.QuerySize);
            if (_sinkQuery is not null && _cache.Layout.DropsTokens(Position + t))
            {
                var sinkQuery = _sinkQuery.Pointer + ((long)t * d.QuerySize);
                new ReadOnlySpan<float>(query, d.QuerySize).CopyTo(new Span<float>(sinkQuery, d.QuerySize));
                _sinkRotary!.Apply(sinkQuery, d.HeadCount, 0);
            }

            var key = _key.Pointer + ((long)t * d.KeyValueSize);
            _rotary.Apply(query, d.HeadCount, t);
            _rotary.Apply(key, d.KeyValueHeadCount, t);
            _cache.Store(layer, Position + t, key, _value.Pointer + ((long)t * d.KeyValueSize));
        }
    }

    /// <summary>The output layer over some of the last chunk's normalized states.</summary>
    private void RunOutput(int first, int count, int firstIndex, LogitsConsumer? onLogits)
    {
        var d = _description;
        for (var at = 0; at < count; at += MostVerifyTokens)
        {
            var rows = Math.Min(MostVerifyTokens, count - at);
            var states = _normed.Pointer + ((long)(first + at) * d.HiddenSize);
            states = EightBitInputs is { } eightBits ? eightBits.OfOutputLayer(states, rows * d.HiddenSize) : states;
            _projector.Run(states, rows, new Projection(_model.Weights.OutputProjection, _logits.Pointer));
            for (var row = 0; row < rows; row++)
            {
                onLogits?.Invoke(firstIndex + at + row, new ReadOnlySpan<float>(_logits.Pointer + ((long)row * VocabularySize), VocabularySize));
            }

            _logitsRow = rows - 1;
        }
    }

    /// <summary><c>stream += delta; normed = norm(stream)</c>.</summary>
    private void AddAndNormalize(int count, float* delta, WeightVector gain)
    {
        var work = new AddAndNormalizeWork { Stream = _stream.Pointer, Delta = delta, Normed = _normed.Pointer, Gain = gain.Pointer, Size = _description.HiddenSize, Epsilon = _description.RmsNormEpsilon };
        _pool.Run(ref work, count, grain: 4);
    }

    private struct AddAndNormalizeWork : IParallelWork
    {
        public float* Stream;
        public float* Delta;
        public float* Normed;
        public float* Gain;
        public int Size;
        public float Epsilon;

        public readonly void Execute(int start, int end)
        {
            var from = (long)start * Size;
            if (Delta is not null)
            {
                VectorAdd.InPlace(Stream + from, Delta + from, (long)(end - start) * Size);
            }

            RmsNorm.Forward(Stream + from, Gain, Normed + from, end - start, Size, Epsilon);
        }
    }

    private struct ActivateWork : IParallelWork
    {
        public float* Gate;
        public float* Up;
        public int Size;

        public readonly void Execute(int start, int end)
        {
            var from = (long)start * Size;
            SwiGlu.Forward(Gate + from, Up + from, Gate + from, (long)(end - start) * Size);
        }
    }
}
