using Personalize.Core.Errors;
using Personalize.Core.Profiles;
using Personalize.Training.Privacy;

namespace Personalize.Training.Tests.Privacy;

public sealed class PrivacyLedgerTests : IDisposable
{
    private static readonly SubsampledGaussian Job = new(0.04, 1, 75);

    private readonly string _folder = Directory.CreateTempSubdirectory("personalize-ledger").FullName;

    private string LedgerPath => Path.Combine(_folder, "privacy.ledger");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Jobs_add_up_and_outlast_the_process()
    {
        PrivacySpending one, two;
        using (var profile = Profile.Open(_folder))
        using (var ledger = new PrivacyLedger(profile))
        {
            Assert.Equal(0, ledger.GetSpending().Epsilon);
            ledger.SetBudget(new PrivacyBudget(20, 1e-3));
            one = ledger.Enter("one", Job);
            two = ledger.Enter("two", new SubsampledGaussian(0.02, 0.8, 500));
        }

        using var again = Profile.Open(_folder, new ProfileOptions { OpenForReading = true });
        using var reader = new PrivacyLedger(again);
        Assert.Equal(["one", "two"], reader.Entries.Select(entry => entry.JobId));
        Assert.Equal(Job, reader.Entries[0].Mechanism);
        Assert.Equal(new PrivacyBudget(20, 1e-3), reader.Budget);
        Assert.Equal(two, reader.GetSpending());
        Assert.Equal(PldAccountant.Epsilon([Job], 1e-3), one.Epsilon);
        Assert.Equal(PldAccountant.Epsilon([Job, new SubsampledGaussian(0.02, 0.8, 500)], 1e-3), two.Epsilon);
        Assert.True(two.Epsilon < two.RdpEpsilon);
        Assert.True(two.Epsilon > one.Epsilon);
    }

    [Fact]
    public void A_job_past_the_budget_is_refused_and_not_entered()
    {
        using var profile = Profile.Open(_folder);
        using var ledger = new PrivacyLedger(profile);
        ledger.SetBudget(new PrivacyBudget(2, 1e-3));
        var spent = ledger.Enter("one", Job);
        var before = File.ReadAllBytes(LedgerPath);

        var refusal = Assert.Throws<PrivacyBudgetException>(() => ledger.Enter("two", Job));

        Assert.Equal((2, 1e-3), (refusal.BudgetEpsilon, refusal.Delta));
        Assert.Equal(spent.Epsilon, refusal.SpentEpsilon);
        Assert.Equal(PrivacySpending.Of([Job, Job], 1e-3).Epsilon, refusal.RequiredEpsilon);
        Assert.Equal(before, File.ReadAllBytes(LedgerPath));
        ledger.SetBudget(new PrivacyBudget(refusal.RequiredEpsilon, 1e-3));
        Assert.Equal(2, ledger.Enter("two", Job).Jobs);
    }

    [Fact]
    public void Without_a_budget_of_its_own_a_profile_has_the_default_one()
    {
        using var profile = Profile.Open(_folder);
        using var ledger = new PrivacyLedger(profile);
        Assert.Equal(PrivacyBudget.Default, ledger.Budget);
        Assert.Throws<PrivacyBudgetException>(() => ledger.Enter("one", new SubsampledGaussian(1, 0.5, 10)));
        Assert.False(File.Exists(LedgerPath));
    }

    [Fact]
    public void A_resumed_job_is_counted_once()
    {
        using var profile = Profile.Open(_folder);
        using var ledger = new PrivacyLedger(profile);
        var first = ledger.Enter("night", Job);
        Assert.Equal(first, ledger.Enter("night", Job));
        Assert.Single(ledger.Entries);
        Assert.Throws<ArgumentException>(() => ledger.Enter("night", new SubsampledGaussian(0.04, 2, 75)));
    }

    [Fact]
    public void A_changed_ledger_is_found_out_wherever_it_was_changed()
    {
        using var profile = Profile.Open(_folder);
        using var ledger = new PrivacyLedger(profile);
        ledger.Enter("one", Job);
        var whole = File.ReadAllBytes(LedgerPath);
        for (var i = 0; i < whole.Length; i++)
        {
            var changed = whole.ToArray();
            changed[i] ^= 0x10;
            File.WriteAllBytes(LedgerPath, changed);
            Assert.ThrowsAny<PersonalizeException>(() => ledger.GetSpending());
            Assert.ThrowsAny<PersonalizeException>(() => ledger.Enter("two", Job));
        }

        File.WriteAllBytes(LedgerPath, whole[..^1]);
        Assert.Throws<StoreIntegrityException>(() => ledger.Entries);
        File.WriteAllBytes(LedgerPath, []);
        Assert.Throws<StoreIntegrityException>(() => ledger.Entries);
    }

    [Fact]
    public void What_it_holds_cannot_be_read_off_the_disk()
    {
        using var profile = Profile.Open(_folder);
        using var ledger = new PrivacyLedger(profile);
        ledger.Enter("a-night-in-november", Job);
        Assert.DoesNotContain("november", File.ReadAllText(LedgerPath), StringComparison.Ordinal);
    }

    [Fact]
    public void A_reader_enters_nothing()
    {
        using (Profile.Open(_folder))
        {
        }

        using var profile = Profile.Open(_folder, new ProfileOptions { OpenForReading = true });
        using var ledger = new PrivacyLedger(profile);
        Assert.Equal(ProfileAccessError.OpenedForReading, Assert.Throws<ProfileAccessException>(() => ledger.Enter("one", Job)).Error);
        Assert.Equal(ProfileAccessError.OpenedForReading, Assert.Throws<ProfileAccessException>(() => ledger.SetBudget(new PrivacyBudget(1))).Error);
    }

    [Theory]
    [InlineData(0, 1e-5)]
    [InlineData(-1, 1e-5)]
    [InlineData(double.NaN, 1e-5)]
    [InlineData(1, 0)]
    [InlineData(1, 1)]
    [InlineData(1, double.NaN)]
    public void A_budget_that_means_nothing_is_refused(double epsilon, double delta) => Assert.Throws<PrivacyParameterException>(() => new PrivacyBudget(epsilon, delta));
}
