namespace Personalize.Cli.Models.Pull;

/// <summary>A model that <c>models pull</c> knows by name.</summary>
/// <param name="Name">What a person types.</param>
/// <param name="Title">What it is called.</param>
/// <param name="Architecture">The family, as its file says.</param>
/// <param name="License">Under which terms it is offered.</param>
/// <param name="Address">Where its file lies.</param>
/// <param name="ApproximateBytes">About how large the file is; the server's word counts.</param>
/// <param name="Sha256">The checksum of the file in hexadecimal where two independent sources agree on it, else null.</param>
internal sealed record KnownModel(string Name, string Title, string Architecture, string License, Uri Address, long ApproximateBytes, string? Sha256)
{
    /// <summary>Whether this version serves its family.</summary>
    public bool IsServed => Architecture is "llama" or "qwen2";

    /// <summary>The name of its file in the folder of models.</summary>
    public string FileName => Name + ".gguf";
}
