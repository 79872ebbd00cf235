namespace Personalize.Cli.Benchmarks;

/// <summary>The sizes of a model that can be written with random weights. The embedding is tied to the output layer.</summary>
internal sealed record ModelShape
{
    /// <summary>Llama 3.2 1B: the sizes of its published configuration.</summary>
    public static ModelShape Llama32Of1B { get; } = new()
    {
        Name = "llama-3.2-1b",
        Architecture = "llama",
        PreTokenizer = "llama-bpe",
        Layers = 16,
        Hidden = 2048,
        Intermediate = 8192,
        Heads = 32,
        KeyValueHeads = 8,
        HeadDimension = 64,
        Vocabulary = 128_256,
        ContextLength = 131_072,
        RotaryBase = 500_000,
        NormEpsilon = 1e-5f,
    };

    /// <summary>Qwen2.5 0.5B: the sizes of its published configuration.</summary>
    public static ModelShape Qwen25Of05B { get; } = new()
    {
        Name = "qwen2.5-0.5b",
        Architecture = "qwen2",
        PreTokenizer = "qwen2",
        Layers = 24,
        Hidden = 896,
        Intermediate = 4864,
        Heads = 14,
        KeyValueHeads = 2,
        HeadDimension = 64,
        Vocabulary = 151_936,
        ContextLength = 32_768,
        RotaryBase = 1_000_000,
        NormEpsilon = 1e-6f,
        HasAttentionBias = true,
    };

    public static IReadOnlyList<ModelShape> All { get; } = [Llama32Of1B, Qwen25Of05B];

    public required string Name { get; init; }

    public required string Architecture { get; init; }

    public required string PreTokenizer { get; init; }

    public required int Layers { get; init; }

    public required int Hidden { get; init; }

    public required int Intermediate { get; init; }

    public required int Heads { get; init; }

    public required int KeyValueHeads { get; init; }

    public required int HeadDimension { get; init; }

    public required int Vocabulary { get; init; }

    public required int ContextLength { get; init; }

    public required float RotaryBase { get; init; }

    public required float NormEpsilon { get; init; }

    public bool HasAttentionBias { get; init; }
}
