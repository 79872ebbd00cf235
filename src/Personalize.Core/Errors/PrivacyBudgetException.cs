using System.Globalization;

namespace Personalize.Core.Errors;

/// <summary>A training job was refused because with it the jobs of the profile would reveal more than the person allowed. Nothing was trained or written down.</summary>
public sealed class PrivacyBudgetException : PersonalizeException
{
    /// <summary>Carries the budget, what was spent, and what the job would bring it to.</summary>
    /// <param name="budgetEpsilon">The epsilon that is allowed.</param>
    /// <param name="delta">The delta all three are at.</param>
    /// <param name="spentEpsilon">The epsilon of the jobs so far.</param>
    /// <param name="requiredEpsilon">The epsilon of those and the refused job together.</param>
    public PrivacyBudgetException(double budgetEpsilon, double delta, double spentEpsilon, double requiredEpsilon)
        : base(string.Create(
            CultureInfo.InvariantCulture,
            $"privacy budget: epsilon {budgetEpsilon:G4} at delta {delta:G3} is allowed, {spentEpsilon:F3} is spent, and with this job it would be {requiredEpsilon:F3}; train with a smaller epsilon, or raise the budget"))
    {
        BudgetEpsilon = budgetEpsilon;
        Delta = delta;
        SpentEpsilon = spentEpsilon;
        RequiredEpsilon = requiredEpsilon;
    }

    /// <summary>The epsilon that is allowed.</summary>
    public double BudgetEpsilon { get; }

    /// <summary>The delta all three are at.</summary>
    public double Delta { get; }

    /// <summary>The epsilon of the jobs so far.</summary>
    public double SpentEpsilon { get; }

    /// <summary>The epsilon of those and the refused job together.</summary>
    public double RequiredEpsilon { get; }
}
