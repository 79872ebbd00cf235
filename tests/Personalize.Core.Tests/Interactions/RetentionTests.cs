using Personalize.Core.Interactions;
using Personalize.Core.Privacy;
using Personalize.Core.Profiles;

namespace Personalize.Core.Tests.Interactions;

public sealed class RetentionTests : IDisposable
{
    private readonly StoreFixture _fixture = new();

    private IInteractionStore Store => _fixture.Store;

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void The_newest_stay()
    {
        Store.AppendMany([StoreFixture.Sample("b", 20), StoreFixture.Sample("d", 40), StoreFixture.Sample("a", 10), StoreFixture.Sample("c", 30)]);
        Assert.Equal([1, 3], Store.FindExpired(new RetentionPolicy { MaximumCount = 2 }));
        Assert.Equal(2, Store.EraseMany([1, 3, 77]));
        Assert.Equal(["c", "d"], Store.ReadAll().Select(read => read.Text));
        Assert.True(Store.Verify().IsClean);
    }

    [Fact]
    public void What_is_too_old_goes()
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        Store.AppendMany([StoreFixture.Sample("old", now - 10_000), StoreFixture.Sample("new", now - 10), StoreFixture.Sample("from a clock that runs ahead", now + 10_000)]);
        Assert.Equal([1], Store.FindExpired(new RetentionPolicy { MaximumAge = TimeSpan.FromSeconds(5_000) }));
        Assert.Equal([2, 1], Store.FindExpired(new RetentionPolicy { MaximumAge = TimeSpan.Zero }));
    }

    [Fact]
    public void Bytes_are_counted_from_the_newest()
    {
        Store.AppendMany([StoreFixture.Sample(new string('a', 1_000), 1), StoreFixture.Sample("b", 2), StoreFixture.Sample("c", 3)]);
        Assert.Equal([1], Store.FindExpired(new RetentionPolicy { MaximumBytes = 1_000 }));
        Assert.Empty(Store.FindExpired(new RetentionPolicy { MaximumBytes = 2_000 }));
        Assert.Equal([3, 2, 1], Store.FindExpired(new RetentionPolicy { MaximumBytes = 0 }));
        Assert.Empty(Store.FindExpired(new RetentionPolicy()));
    }

    [Fact]
    public void Limits_are_not_negative()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new RetentionPolicy { MaximumCount = -1 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new RetentionPolicy { MaximumBytes = -1 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new RetentionPolicy { MaximumAge = TimeSpan.FromTicks(-1) });
    }

    [Fact]
    public void A_source_is_found_and_erased()
    {
        Store.Consent.Give("other");
        Store.AppendMany([StoreFixture.Sample("a", 3), StoreFixture.Sample("b", 2, source: "other"), StoreFixture.Sample("c", 1)]);
        Assert.Equal([3, 1], Store.FindSource("app"));
        Assert.Empty(Store.FindSource("App"));
        Assert.Equal(2, Store.EraseMany(Store.FindSource("app")));
        Assert.Equal(["b"], Store.ReadAll().Select(read => read.Text));
    }

    [Fact]
    public void Secrets_are_taken_out_before_storing_and_counted()
    {
        Store.Append(StoreFixture.Sample("use AKIAIOSFODNN7EXAMPLE and https://me:hunter2@host/ now", context: "card 4111 1111 1111 1111"));
        var read = Assert.Single(Store.ReadAll());
        Assert.Equal(("card [redacted:card-number]", "use [redacted:api-key] and https://me:[redacted:url-password]@host/ now"), (read.Context, read.Text));
        _fixture.Close();
        Assert.Equal(3, Store.GetStatus().Redacted);
    }

    [Fact]
    public void An_app_brings_its_own_redactor_or_none()
    {
        using var folder = new TemporaryFolder();
        using (var profile = Profile.Open(folder["own"], new ProfileOptions { Redactors = [SecretRedactor.Instance, new NamesOnly()] }))
        {
            profile.Interactions.Consent.Give("app");
            profile.Interactions.Append(StoreFixture.Sample("Mo has AKIAIOSFODNN7EXAMPLE"));
            Assert.Equal("M. has [redacted:api-key]", Assert.Single(profile.Interactions.ReadAll()).Text);
            Assert.Equal(2, profile.Interactions.GetStatus().Redacted);
        }

        using var none = Profile.Open(folder["none"], new ProfileOptions { Redactors = [] });
        none.Interactions.Consent.Give("app");
        none.Interactions.Append(StoreFixture.Sample("AKIAIOSFODNN7EXAMPLE"));
        Assert.Equal("AKIAIOSFODNN7EXAMPLE", Assert.Single(none.Interactions.ReadAll()).Text);
    }

    private sealed class NamesOnly : IRedactor
    {
        public Redaction Redact(string text) => text.Contains("Mo ", StringComparison.Ordinal) ? new Redaction(text.Replace("Mo ", "M. ", StringComparison.Ordinal), 1) : new Redaction(text, 0);
    }
}
