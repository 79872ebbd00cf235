using Personalize.Core.Privacy;

namespace Personalize.Cli.Profiles;

/// <summary>The consent for what the person types at the terminal.</summary>
internal static class OwnConsent
{
    /// <summary>The source of what is typed or imported at the terminal.</summary>
    public const string Source = "cli";

    /// <summary>Writes down that the person's own act is consent, unless they ever decided about it themselves.</summary>
    public static void WriteDown(IConsentLedger ledger)
    {
        if (!ledger.History.Any(entry => entry.Source == Source))
        {
            ledger.Give(Source);
        }
    }
}
