namespace Personalize.Core.Errors;

/// <summary>An adapter belongs to another base model than the one it was to be used with.</summary>
public sealed class AdapterMismatchException : PersonalizeException
{
    /// <summary>Carries the fingerprints of both base models.</summary>
    /// <param name="adapterBaseFingerprint">The fingerprint of the base the adapter was trained on.</param>
    /// <param name="modelFingerprint">The fingerprint of the model at hand.</param>
    public AdapterMismatchException(string adapterBaseFingerprint, string modelFingerprint)
        : base($"the adapter belongs to base {Short(adapterBaseFingerprint)}, the model is {Short(modelFingerprint)}: use the adapter's own base or train a new one")
    {
        AdapterBaseFingerprint = adapterBaseFingerprint;
        ModelFingerprint = modelFingerprint;
    }

    /// <summary>The fingerprint of the base the adapter was trained on.</summary>
    public string AdapterBaseFingerprint { get; }

    /// <summary>The fingerprint of the model at hand.</summary>
    public string ModelFingerprint { get; }

    private static string Short(string fingerprint) => fingerprint.Length > 16 ? fingerprint[..16] : fingerprint;
}
