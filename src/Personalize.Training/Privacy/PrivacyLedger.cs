using Personalize.Core.Errors;
using Personalize.Core.Profiles;
using Personalize.Core.Security;

namespace Personalize.Training.Privacy;

/// <summary>
/// Adds up what the private training jobs of a profile reveal together and refuses one that would pass the budget. Jobs are entered before they begin and never taken out: what a job that failed or was
/// killed had revealed by then, nobody knows.
/// </summary>
/// <remarks>
/// One sealed file, <c>privacy.ledger</c>, which is replaced by a rename, so that a kill leaves it with or without a job, never with half of one. Every call reads it anew. An old copy of the whole file put in its
/// place opens like the new one, and a deleted one starts empty. Counted are jobs with a guarantee; one without reveals more than any figure says. Borrows the profile; safe to share between threads.
/// </remarks>
public sealed class PrivacyLedger : IDisposable
{
    private const int MaximumJobIdLength = 64;

    private readonly Lock _gate = new();
    private readonly SealedBox _box;
    private readonly string _path;
    private readonly bool _writer;
    private readonly TimeProvider _time;

    /// <summary>Opens the ledger of a profile; one that has none yet starts empty.</summary>
    /// <param name="profile">The profile, which must outlive the ledger.</param>
    public PrivacyLedger(Profile profile)
    {
        ArgumentNullException.ThrowIfNull(profile);
        _box = profile.CreateBox(KeyPurpose.PrivacyLedger);
        _path = Path.Combine(profile.DirectoryPath, "privacy.ledger");
        _writer = !profile.IsReadOnly;
        _time = profile.TimeProvider;
    }

    /// <summary>The jobs, oldest first.</summary>
    /// <exception cref="StoreIntegrityException">The ledger was changed by somebody else.</exception>
    public IReadOnlyList<PrivacyLedgerEntry> Entries => Read().Entries;

    /// <summary>What all jobs together may reveal: what was set, else <see cref="PrivacyBudget.Default"/>.</summary>
    /// <exception cref="StoreIntegrityException">The ledger was changed by somebody else.</exception>
    public PrivacyBudget Budget => Read().Budget ?? PrivacyBudget.Default;

    /// <summary>Sets what all jobs together may reveal. Lowering it below what is spent takes nothing back, but lets no further job through.</summary>
    /// <param name="budget">The budget.</param>
    /// <exception cref="StoreIntegrityException">The ledger was changed by somebody else.</exception>
    /// <exception cref="ProfileAccessException">The profile was opened for reading, or cannot be written.</exception>
    public void SetBudget(PrivacyBudget budget)
    {
        ArgumentNullException.ThrowIfNull(budget);
        lock (_gate)
        {
            RequireWriter();
            (Read() with { Budget = budget }).Write(_path, _box);
        }
    }

    /// <summary>What the jobs so far reveal together, at the budget's delta.</summary>
    /// <exception cref="StoreIntegrityException">The ledger was changed by somebody else.</exception>
    public PrivacySpending GetSpending()
    {
        var state = Read();
        return PrivacySpending.Of([.. state.Entries.Select(entry => entry.Mechanism)], (state.Budget ?? PrivacyBudget.Default).Delta);
    }

    /// <summary>Enters a job that is about to begin; when this returns it is durable. A job of that name that is there already is being resumed and costs nothing more.</summary>
    /// <param name="jobId">A name for the job, at most 64 characters.</param>
    /// <param name="mechanism">What it will do to the examples.</param>
    /// <returns>What all jobs with it reveal together.</returns>
    /// <exception cref="PrivacyBudgetException">That is more than the budget; nothing was entered.</exception>
    /// <exception cref="ArgumentException">The name is empty or too long, or belongs to a job that does something else.</exception>
    /// <exception cref="StoreIntegrityException">The ledger was changed by somebody else.</exception>
    /// <exception cref="ProfileAccessException">The profile was opened for reading, or cannot be written.</exception>
    public PrivacySpending Enter(string jobId, SubsampledGaussian mechanism)
    {
        ArgumentException.ThrowIfNullOrEmpty(jobId);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(jobId.Length, MaximumJobIdLength, nameof(jobId));
        ArgumentNullException.ThrowIfNull(mechanism);
        lock (_gate)
        {
            RequireWriter();
            var state = Read();
            var budget = state.Budget ?? PrivacyBudget.Default;
            List<SubsampledGaussian> jobs = [.. state.Entries.Select(entry => entry.Mechanism)];
            var spent = PrivacySpending.Of(jobs, budget.Delta);
            if (state.Entries.FirstOrDefault(entry => string.Equals(entry.JobId, jobId, StringComparison.Ordinal)) is { } known)
            {
                return known.Mechanism == mechanism ? spent : throw new ArgumentException("a job of that name with other figures is in the ledger", nameof(jobId));
            }

            jobs.Add(mechanism);
            var required = PrivacySpending.Of(jobs, budget.Delta);
            if (!(required.Epsilon <= budget.Epsilon))
            {
                throw new PrivacyBudgetException(budget.Epsilon, budget.Delta, spent.Epsilon, required.Epsilon);
            }

            (state with { Entries = [.. state.Entries, new PrivacyLedgerEntry(jobId, _time.GetUtcNow(), mechanism)] }).Write(_path, _box);
            return required;
        }
    }

    /// <summary>Releases the ledger's key.</summary>
    public void Dispose() => _box.Dispose();

    private PrivacyLedgerState Read() => PrivacyLedgerState.Read(_path, _box);

    private void RequireWriter()
    {
        if (!_writer)
        {
            throw new ProfileAccessException(ProfileAccessError.OpenedForReading, _path);
        }
    }
}
