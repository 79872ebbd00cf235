using FsCheck;
using FsCheck.Fluent;
using Personalize.Core.Privacy;

namespace Personalize.Core.Tests.Privacy;

public class SecretRedactorTests
{
    [Theory]
    [InlineData("a key sk-proj-abc123DEF456ghi789JKL012mno345 here", "a key [redacted:api-key] here")]
    [InlineData("sk-ant-api03-abcdefghijklmnopqrstuvwx_0", "[redacted:api-key]")]
    [InlineData("token=ghp_0123456789abcdefghijABCDEFGHIJ012345", "token=[redacted:api-key]")]
    [InlineData("github_pat_11ABCDEFG0123456789abcdef", "[redacted:api-key]")]
    [InlineData("glpat-0123456789abcdefghij", "[redacted:api-key]")]
    [InlineData("id AKIAIOSFODNN7EXAMPLE.", "id [redacted:api-key].")]
    [InlineData("AIzaSyA0123456789abcdefghijklmnopqrstuv", "[redacted:api-key]")]
    [InlineData("xoxb-123456789012-abcdefGHIJ", "[redacted:api-key]")]
    [InlineData("sk_live_0123456789abcdefABCDEF", "[redacted:api-key]")]
    [InlineData("Authorization: Bearer abcdef0123456789abcdef", "Authorization: Bearer [redacted:token]")]
    [InlineData("authorization: basic dXNlcjpwYXNzd29yZA==", "authorization: basic [redacted:token]")]
    [InlineData("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P", "[redacted:token]")]
    [InlineData("postgres://me:p%40ss:word@db.example:5432/x", "postgres://me:[redacted:url-password]@db.example:5432/x")]
    [InlineData("redis://:secret@host", "redis://:[redacted:url-password]@host")]
    [InlineData("pay with 4111 1111 1111 1111 2031", "pay with [redacted:card-number] 2031")]
    [InlineData("5500-0000-0000-0004", "[redacted:card-number]")]
    [InlineData("amex 378282246310005, ok", "amex [redacted:card-number], ok")]
    [InlineData("12 4111111111111111", "12 [redacted:card-number]")]
    public void A_secret_of_a_known_shape_goes(string text, string expected)
    {
        var redaction = SecretRedactor.Instance.Redact(text);
        Assert.Equal((expected, 1), (redaction.Text, redaction.Count));
        Assert.Equal((expected, 0), (SecretRedactor.Instance.Redact(expected).Text, SecretRedactor.Instance.Redact(expected).Count));
        Assert.DoesNotContain(expected, redaction.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("the bearer of responsibilities came")]
    [InlineData("see https://example.org:8080/a@b and mailto:me@host")]
    [InlineData("4111 1111 1111 1112")]
    [InlineData("the number 1234567890123456 and 2025-03-07 12:00:00")]
    [InlineData("order 79927398713, call +49 30 901820")]
    [InlineData("a risk-averse task-based-approach-to-everything")]
    [InlineData("sk-learn-is-a-library-for-learning")]
    [InlineData("-----BEGIN CERTIFICATE----- abc -----END CERTIFICATE-----")]
    [InlineData("v4111111111111111")]
    [InlineData("")]
    public void What_only_resembles_one_stays(string text)
    {
        var redaction = SecretRedactor.Instance.Redact(text);
        Assert.Equal((text, 0), (redaction.Text, redaction.Count));
    }

    [Fact]
    public void A_private_key_goes_with_all_its_lines_and_also_when_its_end_is_missing()
    {
        const string Key = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----";
        var redaction = SecretRedactor.Instance.Redact($"before\n{Key}\nafter {Key[..40]} the rest");
        Assert.Equal(("before\n[redacted:private-key]\nafter [redacted:private-key]", 2), (redaction.Text, redaction.Count));
        Assert.Equal("[redacted:private-key]", SecretRedactor.Instance.Redact("-----BEGIN PRIVATE KEY-----\nx").Text);
        Assert.Equal("[redacted:private-key]", SecretRedactor.Instance.Redact("-----BEGIN PGP PRIVATE KEY BLOCK-----\nx\n-----END PGP PRIVATE KEY BLOCK-----").Text);
    }

    [Fact]
    public void Any_text_keeps_what_stands_around_a_secret() => Prop.ForAll<string, string>((before, after) =>
    {
        if (before is null || after is null || (before + after).Any(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '/' or ':' or '@' or '.'))
        {
            return true;
        }

        return SecretRedactor.Instance.Redact(before + "AKIAIOSFODNN7EXAMPLE" + after).Text == before + "[redacted:api-key]" + after;
    }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData("eyJ-")]
    [InlineData("eyJaaaaaaaa.")]
    [InlineData("://a:")]
    [InlineData("://")]
    [InlineData("bearer ")]
    [InlineData("-----BEGIN PRIVATE KEY")]
    [InlineData("-----BEGIN A A A ")]
    [InlineData("4 ")]
    [InlineData("41")]
    [InlineData("sk-")]
    [InlineData("sk-a")]
    [InlineData("SG.aaaaaaaaaaaaaaaa.")]
    public void No_text_takes_long(string piece)
    {
        // A pattern that looked at a text of a megabyte again from every place would not come to its end today.
        var text = string.Concat(Enumerable.Repeat(piece, (1 << 20) / piece.Length));
        var redaction = SecretRedactor.Instance.Redact(text);
        Assert.NotNull(redaction.Text);
    }
}
