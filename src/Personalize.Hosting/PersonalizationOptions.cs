using Personalize.Core.Security;
using Personalize.Inference.Chat;

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

    /// <summary>The passphrase that protects the profile, or null to use a key file in the profile's folder.</summary>
    public string? Passphrase { get; set; }

    /// <summary>A protector of the application's own for the profile's key, in place of passphrase and key file; not disposed.</summary>
    public IKeyProtector? KeyProtector { get; set; }

    /// <summary>The name under which the application stores what a person writes. Consent is given for it, and what it stored can be told from what others did.</summary>
    public string Source { get; set; } = "app";

    /// <summary>Whether conversations with the registered chat client are recorded, as <see cref="Recording.RecordingChatClient"/> does. Without the person's consent nothing is stored even so.</summary>
    public bool RecordConversations { get; set; }

    /// <summary>The adapter to answer with, by its id in the profile; null is the one in use there, whichever that comes to be.</summary>
    public string? AdapterId { get; set; }

    /// <summary>How long an answer may go on being given by an adapter that is no longer the one in use.</summary>
    public TimeSpan PromotionCheckInterval { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>How the chat client works; null for the defaults with at most 2,048 tokens of context.</summary>
    public PersonalizeChatOptions? Chat { get; set; }
}
