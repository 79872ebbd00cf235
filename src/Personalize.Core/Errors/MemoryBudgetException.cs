namespace Personalize.Core.Errors;

/// <summary>The memory a job was allowed is less than the least it can work with.</summary>
public sealed class MemoryBudgetException : PersonalizeException
{
    /// <summary>Carries what was allowed and what is needed.</summary>
    /// <param name="budgetBytes">The bytes that were allowed.</param>
    /// <param name="requiredBytes">The least number of bytes the job can work with.</param>
    public MemoryBudgetException(long budgetBytes, long requiredBytes)
        : base($"memory budget: {budgetBytes} bytes are allowed, the smallest plan needs {requiredBytes}; raise the budget, shorten the examples, or lower the rank")
    {
        BudgetBytes = budgetBytes;
        RequiredBytes = requiredBytes;
    }

    /// <summary>The bytes that were allowed.</summary>
    public long BudgetBytes { get; }

    /// <summary>The least number of bytes the job can work with.</summary>
    public long RequiredBytes { get; }
}
