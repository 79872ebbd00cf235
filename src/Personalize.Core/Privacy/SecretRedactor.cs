using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.RegularExpressions;

namespace Personalize.Core.Privacy;

/// <summary>
/// Takes secrets of known shapes out of a text: private keys in PEM form, passwords in URLs, JSON web tokens, bearer and basic credentials, API keys by their issuers' prefixes, card numbers by their check digit. Each place is replaced by
/// <c>[redacted:kind]</c>. What has no shape of its own, such as a password in a sentence, stays. The time is linear in the text. Safe to share between threads.
/// </summary>
[SuppressMessage("Security", "MA0009:Add regex evaluation timeout", Justification = "No pattern gives back what it repeats; texts of a megabyte that try to make one do so are under test.")]
public sealed partial class SecretRedactor : IRedactor
{
    private SecretRedactor()
    {
    }

    /// <summary>The redactor; it has no settings.</summary>
    public static SecretRedactor Instance { get; } = new();

    // What holds another of them goes first: a URL may hold a token as its password.
    private static (string Kind, Regex Pattern)[] Patterns { get; } =
    [
        ("private-key", PrivateKey()),
        ("url-password", UrlPassword()),
        ("token", WebToken()),
        ("token", Credential()),
        ("api-key", ApiKey()),
    ];

    /// <inheritdoc/>
    public Redaction Redact(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var count = 0;
        foreach (var (kind, pattern) in Patterns)
        {
            var marker = $"[redacted:{kind}]";
            text = pattern.Replace(text, match =>
            {
                count++;

                // Only the secret goes: what stands around it, such as the host of a URL, says what it was for.
                var secret = match.Groups["secret"];
                return string.Concat(match.ValueSpan[..(secret.Index - match.Index)], marker, match.ValueSpan[(secret.Index - match.Index + secret.Length)..]);
            });
        }

        var cards = CardNumbers.Find(text);
        if (cards.Count == 0)
        {
            return new Redaction(text, count);
        }

        var result = new StringBuilder(text.Length);
        var kept = 0;
        foreach (var (start, length) in cards)
        {
            result.Append(text, kept, start - kept).Append("[redacted:card-number]");
            kept = start + length;
        }

        return new Redaction(result.Append(text, kept, text.Length - kept).ToString(), count + cards.Count);
    }

    // Each pattern begins where nothing of its own alphabet stands before it, and what it repeats it never gives back: no text makes it look at a character more than a few times.
    [GeneratedRegex(@"(?<secret>-----BEGIN (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----|\z))", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex PrivateKey();

    [GeneratedRegex(@"://(?>[^\s/:@]{0,256}):(?!\[redacted:)(?<secret>(?>[^\s/@]{1,512}))@", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex UrlPassword();

    [GeneratedRegex(@"(?<![A-Za-z0-9_-])(?<secret>eyJ(?>[A-Za-z0-9_-]{8,})\.(?>[A-Za-z0-9_-]{8,})\.(?>[A-Za-z0-9_-]*))", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex WebToken();

    [GeneratedRegex(@"(?<![A-Za-z0-9_-])(?:bearer|authorization: *basic)[ \t]{1,8}(?=[A-Za-z._~+/-]{0,512}[0-9=])(?<secret>(?>[A-Za-z0-9._~+/-]{16,})=*)", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex Credential();

    [GeneratedRegex(
        @"(?<![A-Za-z0-9_-])(?<secret>"
        + @"sk-(?=[A-Za-z_-]{0,64}[0-9])(?>[A-Za-z0-9_-]{20,})"
        + @"|gh[pousr]_(?>[A-Za-z0-9]{36,})|github_pat_(?>[A-Za-z0-9_]{22,})|glpat-(?>[A-Za-z0-9_-]{20,})"
        + @"|(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])|AIza[A-Za-z0-9_-]{35}|ya29\.(?>[A-Za-z0-9_-]{20,})"
        + @"|xox[abeprs]-(?>[A-Za-z0-9-]{10,})|(?:sk|rk|pk)_(?:live|test)_(?>[A-Za-z0-9]{16,})|whsec_(?>[A-Za-z0-9+/]{24,})=*"
        + @"|npm_[A-Za-z0-9]{36}|pypi-(?>[A-Za-z0-9_-]{16,})|hf_(?>[A-Za-z0-9]{30,})|dop_v1_[a-f0-9]{64}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}"
        + @"|SG\.(?>[A-Za-z0-9_-]{16,})\.(?>[A-Za-z0-9_-]{16,})|AGE-SECRET-KEY-1[A-Z0-9]{58})",
        RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex ApiKey();
}
