using Microsoft.Extensions.Options;
using Personalize.Core.Errors;
using Personalize.Core.Interactions;

namespace Personalize.Hosting.Recording;

/// <summary>Stores what the person writes in the application, under the application's source, once the person has consented to it. Safe to share between threads; one thing is stored after the other.</summary>
/// <param name="profile">Where it is stored.</param>
/// <param name="options">Name the source.</param>
/// <param name="time">Says when it was written.</param>
public sealed class InteractionRecorder(PersonalProfile profile, IOptions<PersonalizationOptions> options, TimeProvider time) : IDisposable
{
    private readonly SemaphoreSlim _turn = new(1, 1);

    /// <summary>The source that consent is given for.</summary>
    public string Source => options.Value.Source;

    /// <summary>Whether the person consents at present. False also where there is no profile yet.</summary>
    /// <exception cref="PersonalizeException">The profile cannot be opened, or its ledger was tampered with.</exception>
    public bool HasConsent
    {
        get
        {
            if (!profile.Exists)
            {
                return false;
            }

            using var opened = profile.OpenForReading();
            return opened.Interactions.Consent.IsGiven(Source);
        }
    }

    /// <summary>Writes down that the person consents: to be called when they say so, and not before.</summary>
    /// <param name="cancellationToken">Ends waiting for another one who writes.</param>
    /// <exception cref="PersonalizeException">The profile cannot be opened or written.</exception>
    public Task GiveConsentAsync(CancellationToken cancellationToken = default) => WithStoreAsync(store => { store.Consent.Give(Source); return 0L; }, cancellationToken);

    /// <summary>Writes down that the person no longer consents. What is stored stays until it is erased.</summary>
    /// <param name="cancellationToken">Ends waiting for another one who writes.</param>
    /// <exception cref="PersonalizeException">The profile cannot be opened or written.</exception>
    public Task WithdrawConsentAsync(CancellationToken cancellationToken = default) => WithStoreAsync(store => { store.Consent.Withdraw(Source); return 0L; }, cancellationToken);

    /// <summary>Stores one thing the person wrote. When the task is done it is durable.</summary>
    /// <param name="context">What it answers; may be empty.</param>
    /// <param name="text">What the person wrote.</param>
    /// <param name="cancellationToken">Ends waiting for another one who writes.</param>
    /// <returns>Its id in the store.</returns>
    /// <exception cref="ConsentRequiredException">The person has not consented; nothing was stored, and no profile was made for it.</exception>
    /// <exception cref="InvalidInteractionException">The text is empty, not valid Unicode or too long.</exception>
    /// <exception cref="PersonalizeException">The profile cannot be opened or written.</exception>
    public Task<long> RecordAsync(string context, string text, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(text);
        return profile.Exists
            ? WithStoreAsync(store => store.Append(new Interaction(0, null, time.GetUtcNow(), Source, context, text)), cancellationToken)
            : throw new ConsentRequiredException(Source);
    }

    /// <summary>Frees what orders the recordings; those under way end by themselves.</summary>
    public void Dispose() => _turn.Dispose();

    private async Task<long> WithStoreAsync(Func<IInteractionStore, long> work, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            using var opened = await profile.OpenForWritingAsync(cancellationToken);
            return work(opened.Interactions);
        }
        finally
        {
            _turn.Release();
        }
    }
}
