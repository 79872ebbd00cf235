using Personalize.Core.Errors;
using Personalize.Core.Interactions;
using Personalize.Core.Profiles;

namespace Personalize.Core.Tests.Interactions;

public sealed class ConsentTests : IDisposable
{
    private readonly StoreFixture _fixture = new();

    private IInteractionStore Store => _fixture.Store;

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void Nothing_is_stored_without_consent()
    {
        var thrown = Assert.Throws<ConsentRequiredException>(() => Store.Append(StoreFixture.Sample("a", source: "mail")));
        Assert.Equal("mail", thrown.Source);
        Assert.Equal(0, Store.Count);
    }

    [Fact]
    public void Withdrawing_stops_new_storing_and_is_remembered()
    {
        Store.Append(StoreFixture.Sample("a"));
        Store.Consent.Withdraw("app");
        Assert.Throws<ConsentRequiredException>(() => Store.Append(StoreFixture.Sample("b")));
        _fixture.Close();
        Assert.Throws<ConsentRequiredException>(() => Store.Append(StoreFixture.Sample("b")));
        Assert.Equal(1, Store.Count);
        Store.Consent.Give("app");
        Store.Append(StoreFixture.Sample("b"));
        Assert.Equal([true, false, true], Store.Consent.History.Select(entry => entry.Given));
    }

    [Fact]
    public void Saying_the_same_again_writes_nothing()
    {
        Store.Consent.Give("app");
        Store.Consent.Withdraw("never given");
        Assert.Single(Store.Consent.History);
    }

    [Fact]
    public void The_last_decision_counts_also_when_the_clock_was_set_back()
    {
        using var folder = new TemporaryFolder();
        var clock = new SettableClock { Now = DateTimeOffset.UnixEpoch.AddYears(50) };
        using (var profile = Profile.Open(folder["profile"], new ProfileOptions { TimeProvider = clock }))
        {
            profile.Interactions.Consent.Give("app");
            clock.Now = DateTimeOffset.UnixEpoch;
            profile.Interactions.Consent.Withdraw("app");
        }

        using var again = Profile.Open(folder["profile"]);
        Assert.False(again.Interactions.Consent.IsGiven("app"));
        Assert.Throws<ConsentRequiredException>(() => again.Interactions.Append(StoreFixture.Sample("a")));
    }

    [Fact]
    public void A_source_needs_a_name()
    {
        Assert.Equal(InteractionProblem.EmptySource, Assert.Throws<InvalidInteractionException>(() => Store.Consent.Give(" ")).Problem);
        Assert.Equal(InteractionProblem.LoneSurrogate, Assert.Throws<InvalidInteractionException>(() => Store.Consent.Give("\ud800")).Problem);
    }

    [Theory]
    [InlineData("UPDATE consent SET sealed = zeroblob(80) WHERE id = 1")]
    [InlineData("DELETE FROM consent WHERE id = 1")]
    [InlineData("DELETE FROM consent WHERE id = 2")]
    [InlineData("UPDATE consent SET sealed = (SELECT c.sealed FROM consent c WHERE c.id = 1) WHERE id = 2")]
    public void A_ledger_that_was_tampered_with_consents_to_nothing(string sql)
    {
        Store.Append(StoreFixture.Sample("a"));
        Store.Consent.Withdraw("app");
        _fixture.Tamper(sql);
        Assert.Throws<StoreIntegrityException>(() => Store.Append(StoreFixture.Sample("b")));
        Assert.Throws<StoreIntegrityException>(() => Store.Consent.Give("app"));
        Assert.Throws<StoreIntegrityException>(() => Store.Consent.History);
        Assert.Single(Store.ReadAll());
        var verification = Store.Verify();
        Assert.False(verification.ConsentIntact);
        Assert.Empty(verification.Corrupt);
    }

    private sealed class SettableClock : TimeProvider
    {
        public DateTimeOffset Now { get; set; }

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
