namespace Personalize.Core.Errors;

/// <summary>The registry of adapters was asked for something that it does not have, or must not do. Nothing was changed.</summary>
public sealed class AdapterRegistryException : PersonalizeException
{
    /// <summary>Creates the error.</summary>
    /// <param name="error">The reason.</param>
    /// <param name="id">The id or the beginning of one, as it was asked for.</param>
    public AdapterRegistryException(AdapterRegistryError error, string id)
        : base(Describe(error, id))
    {
        Error = error;
        Id = id;
    }

    /// <summary>The reason.</summary>
    public AdapterRegistryError Error { get; }

    /// <summary>The id or the beginning of one, as it was asked for.</summary>
    public string Id { get; }

    private static string Describe(AdapterRegistryError error, string id) => error switch
    {
        AdapterRegistryError.NotFound => $"there is no adapter '{id}': list the adapters for their ids",
        AdapterRegistryError.Ambiguous => $"more than one adapter's id begins with '{id}': give more of it",
        _ => $"adapter '{id}' is promoted: roll back or promote another one before removing it",
    };
}
