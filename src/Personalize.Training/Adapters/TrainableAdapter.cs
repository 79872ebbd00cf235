using Personalize.Core.Adapters;
using Personalize.Core.Errors;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Training.Optimizers;
using Personalize.Training.Privacy;
using Personalize.Training.Steps;

namespace Personalize.Training.Adapters;

/// <summary>An adapter while it is trained: all parameters in one flat vector, all gradients in another.</summary>
/// <remarks>
/// The order is layer, module, A <c>[rank, in]</c>, then B transposed <c>[rank, out]</c>, then with DoRA the magnitudes <c>[out]</c>, then the bias <c>[out]</c> where biases are trained and the base has one. Owns its native memory. Not thread-safe, except that kernels write disjoint parts.
/// </remarks>
internal sealed unsafe class TrainableAdapter : IStepGradients, IDisposable
{
    private static readonly int ModuleCount = Enum.GetValues<LinearModule>().Length;

    private readonly LoraConfiguration _configuration;
    private readonly TrainablePair?[] _pairs;
    private readonly TrainableAdapter? _owner;

    private TrainableAdapter(DecoderDescription description, LoraConfiguration configuration, IEnumerable<(int Layer, LinearModule Module)> slots, bool withGradients, TrainableAdapter? owner = null)
    {
        _configuration = configuration;
        _owner = owner;
        _pairs = new TrainablePair[description.LayerCount * ModuleCount];
        var ordered = slots.Order().ToList();
        Parameters = owner?.Parameters ?? new NativeBuffer<float>(ordered.Sum(s => PairLength(description, configuration, s.Layer, s.Module)));
        Gradients = new NativeBuffer<float>(withGradients ? Parameters.Length : 0);
        var offset = 0L;
        foreach (var (layer, module) in ordered)
        {
            var shape = ModuleShape.Of(description, module);
            var rank = configuration.GetRank(layer, module);
            var b = offset + ((long)rank * shape.InputSize);
            var m = b + ((long)rank * shape.OutputSize);
            var bias = configuration.UseDora ? m + shape.OutputSize : m;
            var hasBias = configuration.HasBias(description, module);
            Rank = Math.Max(Rank, rank);
            _pairs[Index(layer, module)] = new TrainablePair
            {
                InputSize = shape.InputSize,
                OutputSize = shape.OutputSize,
                Rank = rank,
                Scale = configuration.GetScale(layer, module),
                A = Parameters.Pointer + offset,
                TransposedB = Parameters.Pointer + b,
                GradientA = withGradients ? Gradients.Pointer + offset : null,
                GradientTransposedB = withGradients ? Gradients.Pointer + b : null,
                Magnitude = configuration.UseDora ? Parameters.Pointer + m : null,
                GradientMagnitude = configuration.UseDora && withGradients ? Gradients.Pointer + m : null,
                Bias = hasBias ? Parameters.Pointer + bias : null,
                GradientBias = hasBias && withGradients ? Gradients.Pointer + bias : null,
            };
            offset = hasBias ? bias + shape.OutputSize : bias;
        }
    }

    public NativeBuffer<float> Parameters { get; }

    /// <summary>As long as <see cref="Parameters"/>, or empty if the adapter is only evaluated.</summary>
    public NativeBuffer<float> Gradients { get; }

    /// <summary>The largest rank of a pair.</summary>
    public int Rank { get; }

    /// <summary>Whether the pairs have magnitudes.</summary>
    public bool UsesDora => _configuration.UseDora;

    /// <summary>The pair of a linear map, or null if it has none.</summary>
    public TrainablePair? this[int layer, LinearModule module] => _pairs[Index(layer, module)];

    /// <summary>How many parameters an adapter of that configuration has.</summary>
    public static long ParameterCount(DecoderDescription description, LoraConfiguration configuration) =>
        Enumerable.Range(0, description.LayerCount).Sum(layer => configuration.Targets.Sum(module => PairLength(description, configuration, layer, module)));

    /// <summary>The largest rank of any pair.</summary>
    public static int LargestRank(DecoderDescription description, LoraConfiguration configuration) =>
        Enumerable.Range(0, description.LayerCount).Max(layer => configuration.Targets.Max(module => configuration.GetRank(layer, module)));

    /// <summary>A new adapter that changes nothing yet: A uniform in <c>+-1/sqrt(in)</c> (Kaiming-uniform with a = sqrt(5), as PEFT starts), B zero, with DoRA the magnitudes those of the weights' own rows, and biases the base's.</summary>
    /// <param name="description">The model's sizes.</param>
    /// <param name="weights">The model's weights; null only without DoRA and biases.</param>
    /// <param name="pool">The threads that read the weights; null only without DoRA.</param>
    /// <param name="configuration">What to adapt.</param>
    /// <param name="seed">Decides A.</param>
    public static TrainableAdapter Initialize(DecoderDescription description, DecoderWeights? weights, WorkerPool? pool, LoraConfiguration configuration, ulong seed)
    {
        if (configuration.UseDora)
        {
            ArgumentNullException.ThrowIfNull(pool);
        }

        if (configuration.UseDora || configuration.TrainsBiases)
        {
            ArgumentNullException.ThrowIfNull(weights);
        }

        var slots = from layer in Enumerable.Range(0, description.LayerCount) from module in configuration.Targets select (layer, module);
        var adapter = new TrainableAdapter(description, configuration, slots, withGradients: true);
        adapter.ForEachPair((layer, module, pair) =>
        {
            // A stream for each pair: which other maps are adapted does not change its start.
            var key = UniformStream.Key(seed, ((ulong)layer * (ulong)ModuleCount) + (ulong)module);
            UniformStream.Fill(new Span<float>(pair.A, pair.Rank * pair.InputSize), key, 1 / MathF.Sqrt(pair.InputSize));
            if (pair.HasMagnitude)
            {
                using var squares = new NativeBuffer<double>(pair.OutputSize);
                RowNorms.Squares(pool!, weights!.Layers[layer][module], squares.Pointer);
                for (var n = 0; n < pair.OutputSize; n++)
                {
                    pair.Magnitude[n] = (float)Math.Sqrt(squares.Pointer[n]);
                }
            }

            if (pair.Bias is not null)
            {
                new ReadOnlySpan<float>(weights!.Layers[layer].GetBias(module)!.Pointer, pair.OutputSize).CopyTo(new Span<float>(pair.Bias, pair.OutputSize));
            }
        });
        return adapter;
    }

    /// <summary>Takes the values of a finished adapter; linear maps without a pair stay as the base has them.</summary>
    /// <exception cref="TensorShapeException">A pair does not fit the model.</exception>
    public static TrainableAdapter FromAdapter(DecoderDescription description, LoraAdapter adapter, bool withGradients)
    {
        foreach (var pair in adapter.Pairs)
        {
            Validate(description, adapter.Configuration, pair);
        }

        var trainable = new TrainableAdapter(description, adapter.Configuration, adapter.Pairs.Select(p => (p.Layer, p.Module)), withGradients);
        foreach (var pair in adapter.Pairs)
        {
            var target = trainable[pair.Layer, pair.Module]!;
            pair.A.CopyTo(new Span<float>(target.A, pair.A.Length));
            Transpose(pair.B, new Span<float>(target.TransposedB, pair.B.Length), target.OutputSize, target.Rank);
            pair.Magnitude?.CopyTo(new Span<float>(target.Magnitude, target.OutputSize));
            pair.Bias?.CopyTo(new Span<float>(target.Bias, target.OutputSize));
        }

        return trainable;
    }

    /// <summary>The same parameters with gradients of their own, for a part of a step that is computed at the same time; to be disposed before its owner.</summary>
    public TrainableAdapter WithOwnGradients(DecoderDescription description)
    {
        var slots = new List<(int Layer, LinearModule Module)>();
        ForEachPair((layer, module, _) => slots.Add((layer, module)));
        return new TrainableAdapter(description, _configuration, slots, withGradients: true, owner: this);
    }

    void IStepGradients.Clear() => Gradients.Span.Clear();

    void IStepGradients.Finish()
    {
        // Each gradient has one place.
    }

    /// <summary>The parameters as they are now, copied into an adapter that names its base.</summary>
    public LoraAdapter ToAdapter(string baseFingerprint) => new(_configuration, baseFingerprint, Copy(gradients: false));

    /// <summary>The gradients as they are now, in the same shape as the parameters of <see cref="ToAdapter"/>.</summary>
    public IReadOnlyList<LoraPair> CopyGradients() => Copy(gradients: true);

    /// <summary>The parameters in groups for the optimizer: A; B with the magnitudes, whose rate is multiplied with <paramref name="loraPlusRatio"/> (LoRA+, arXiv 2402.12354); and biases, which do not decay.</summary>
    public IReadOnlyList<ParameterGroup> Groups(double loraPlusRatio)
    {
        if (loraPlusRatio == 1 && !_configuration.TrainsBiases)
        {
            return [new ParameterGroup(0, Parameters.Length)];
        }

        var groups = new List<ParameterGroup>();
        ForEachPair((_, _, pair) =>
        {
            var a = pair.A - Parameters.Pointer;
            var b = pair.TransposedB - Parameters.Pointer;
            groups.Add(new ParameterGroup(a, b - a));
            groups.Add(new ParameterGroup(b, ((long)pair.Rank + (pair.HasMagnitude ? 1 : 0)) * pair.OutputSize, loraPlusRatio));
            if (pair.Bias is not null)
            {
                groups.Add(new ParameterGroup(pair.Bias - Parameters.Pointer, pair.OutputSize, Decays: false));
            }
        });
        return groups;
    }

    /// <summary>From now on a backward leaves the adapter's gradients as they are, and writes those of each example.</summary>
    public void CollectPerExample(PerExampleGradients gradients) => ForEachPair((_, _, pair) => pair.PerExample = gradients);

    public void Dispose()
    {
        if (_owner is null)
        {
            Parameters.Dispose();
        }

        Gradients.Dispose();
    }

    private static long PairLength(DecoderDescription description, LoraConfiguration configuration, int layer, LinearModule module)
    {
        var shape = ModuleShape.Of(description, module);
        var vectors = (configuration.UseDora ? 1 : 0) + (configuration.HasBias(description, module) ? 1 : 0);
        return ((long)configuration.GetRank(layer, module) * (shape.InputSize + shape.OutputSize)) + ((long)vectors * shape.OutputSize);
    }

    private static int Index(int layer, LinearModule module) => (layer * ModuleCount) + (int)module;

    private static void Validate(DecoderDescription description, LoraConfiguration configuration, LoraPair pair)
    {
        var name = $"adapter pair of layer {pair.Layer}, {pair.Module}";
        if (pair.Layer >= description.LayerCount)
        {
            throw new TensorShapeException(name + " (layers)", [description.LayerCount], [pair.Layer + 1L]);
        }

        var shape = ModuleShape.Of(description, pair.Module);
        var rank = configuration.GetRank(pair.Layer, pair.Module);
        if (pair.Rank != rank || pair.InputSize != shape.InputSize || pair.OutputSize != shape.OutputSize)
        {
            throw new TensorShapeException(name + " (out, rank, in)", [shape.OutputSize, rank, shape.InputSize], [pair.OutputSize, pair.Rank, pair.InputSize]);
        }

        if (pair.Magnitude is null == configuration.UseDora)
        {
            throw new TensorShapeException(name + " (magnitudes)", [configuration.UseDora ? shape.OutputSize : 0], [pair.Magnitude?.Length ?? 0]);
        }

        var hasBias = configuration.HasBias(description, pair.Module);
        if (pair.Bias is null == hasBias)
        {
            throw new TensorShapeException(name + " (bias)", [hasBias ? shape.OutputSize : 0], [pair.Bias?.Length ?? 0]);
        }
    }

    private static void Transpose(ReadOnlySpan<float> source, Span<float> target, int rows, int columns)
    {
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
            {
                target[(column * rows) + row] = source[(row * columns) + column];
            }
        }
    }

    private List<LoraPair> Copy(bool gradients)
    {
        var pairs = new List<LoraPair>();
        ForEachPair((layer, module, pair) =>
        {
            var a = new Span<float>(gradients ? pair.GradientA : pair.A, pair.Rank * pair.InputSize).ToArray();
            var b = new float[pair.Rank * pair.OutputSize];
            Transpose(new Span<float>(gradients ? pair.GradientTransposedB : pair.TransposedB, b.Length), b, pair.Rank, pair.OutputSize);
            var magnitude = pair.HasMagnitude ? new Span<float>(gradients ? pair.GradientMagnitude : pair.Magnitude, pair.OutputSize).ToArray() : null;
            var bias = pair.Bias is not null ? new Span<float>(gradients ? pair.GradientBias : pair.Bias, pair.OutputSize).ToArray() : null;
            pairs.Add(new LoraPair(layer, module, pair.Rank, a, b, magnitude, bias));
        });
        return pairs;
    }

    private void ForEachPair(Action<int, LinearModule, TrainablePair> action)
    {
        for (var i = 0; i < _pairs.Length; i++)
        {
            if (_pairs[i] is { } pair)
            {
                action(i / ModuleCount, (LinearModule)(i % ModuleCount), pair);
            }
        }
    }
}
