namespace Personalize.Training.Privacy;

/// <summary>One job that a ledger counts.</summary>
/// <param name="JobId">The name the job was given; a job that is resumed keeps it, and is counted once.</param>
/// <param name="At">When it was entered, before it began.</param>
/// <param name="Mechanism">What it does to the examples.</param>
public sealed record PrivacyLedgerEntry(string JobId, DateTimeOffset At, SubsampledGaussian Mechanism);
