using Personalize.Core.Errors;
using Personalize.Inference.Adapters;

namespace Personalize.Inference.Decoding;

/// <content>The adapter of a conversation, which can be exchanged between two texts.</content>
public sealed unsafe partial class DecoderSession
{
    /// <summary>Serves with another adapter from here on, or with the base alone. Forgets all tokens, because their keys and values are the old adapter's; neither weights nor buffers are loaded or allocated anew.</summary>
    /// <param name="adapter">An adapter made for this session's model, or null for the base; must outlive its use here.</param>
    /// <exception cref="AdapterMismatchException">The adapter was made for another model; the session stays as it was.</exception>
    public void SwitchAdapter(AttachedAdapter? adapter)
    {
        if (adapter is not null && !string.Equals(adapter.BaseFingerprint, _model.Fingerprint, StringComparison.Ordinal))
        {
            throw new AdapterMismatchException(adapter.BaseFingerprint, _model.Fingerprint);
        }

        TruncateTo(0);
        _adapter = adapter;
    }
}
