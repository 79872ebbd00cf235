namespace Personalize.Hosting;

/// <summary>What an application says about its personalization. Read once, when a service first asks; checked at the host's start.</summary>
public sealed class PersonalizationOptions
{
    /// <summary>The GGUF file of the base model, with a chat template.</summary>
    public string ModelPath { get; set; } = "";

    /// <summary>The person's profile: a folder of its own, which is made where there is none.</summary>
    public string ProfileFolder { get; set; } = "";

    /// <summary>How many threads compute; 0 means one for each core.</summary>
    public int Threads { get; set; }
}
