namespace Personalize.Cli.Models.Pull;

/// <summary>The models that are known by name: files of 8 bits a weight, which every supported family has.</summary>
internal static class KnownModels
{
    private const string Apache = "Apache-2.0";
    private const string Llama = "Llama 3.2 Community License";
    private const string Gemma = "Gemma Terms of Use";

    public static IReadOnlyList<KnownModel> All { get; } =
    [
        new("smollm2-135m", "SmolLM2 135M Instruct", "llama", Apache, Hub("HuggingFaceTB/SmolLM2-135M-Instruct-GGUF", "smollm2-135m-instruct-q8_0.gguf"), 145_000_000, null),
        new("smollm2-360m", "SmolLM2 360M Instruct", "llama", Apache, Hub("HuggingFaceTB/SmolLM2-360M-Instruct-GGUF", "smollm2-360m-instruct-q8_0.gguf"), 386_000_000, null),
        new("smollm2-1.7b", "SmolLM2 1.7B Instruct", "llama", Apache, Hub("bartowski/SmolLM2-1.7B-Instruct-GGUF", "SmolLM2-1.7B-Instruct-Q8_0.gguf"), 1_820_000_000, null),
        new("qwen2.5-0.5b", "Qwen2.5 0.5B Instruct", "qwen2", Apache, Hub("Qwen/Qwen2.5-0.5B-Instruct-GGUF", "qwen2.5-0.5b-instruct-q8_0.gguf"), 676_000_000, null),
        new("qwen2.5-1.5b", "Qwen2.5 1.5B Instruct", "qwen2", Apache, Hub("Qwen/Qwen2.5-1.5B-Instruct-GGUF", "qwen2.5-1.5b-instruct-q8_0.gguf"), 1_890_000_000, null),
        new("llama-3.2-1b", "Llama 3.2 1B Instruct", "llama", Llama, Hub("bartowski/Llama-3.2-1B-Instruct-GGUF", "Llama-3.2-1B-Instruct-Q8_0.gguf"), 1_320_000_000, null),
        new("gemma-3-270m", "Gemma 3 270M it", "gemma3", Gemma, Hub("ggml-org/gemma-3-270m-it-GGUF", "gemma-3-270m-it-Q8_0.gguf"), 292_000_000, "0ef57d2c838458a1952664260dcba38e5bdda37494f3af732f06e4add24068e3"),
        new("gemma-3-1b", "Gemma 3 1B it", "gemma3", Gemma, Hub("ggml-org/gemma-3-1b-it-GGUF", "gemma-3-1b-it-Q8_0.gguf"), 1_070_000_000, null),
    ];

    /// <summary>Finds one by its name.</summary>
    public static KnownModel? Find(string name) => All.FirstOrDefault(model => string.Equals(model.Name, name, StringComparison.OrdinalIgnoreCase));

    private static Uri Hub(string repository, string file) => new($"https://huggingface.co/{repository}/resolve/main/{file}");
}
