using System.Globalization;
using System.Text.Json;
using Personalize.Training.Privacy;

namespace Personalize.Cli.Presentation;

/// <summary>What private training jobs revealed, for people and for scripts.</summary>
internal static class PrivacyText
{
    /// <summary>Writes <c>privacy{jobs, epsilon, delta}</c>; an epsilon that is infinite is null.</summary>
    public static void WriteSpending(Utf8JsonWriter json, PrivacySpending spending)
    {
        json.WriteStartObject("privacy");
        json.WriteNumber("jobs", spending.Jobs);
        if (double.IsFinite(spending.Epsilon))
        {
            json.WriteNumber("epsilon", spending.Epsilon);
        }
        else
        {
            json.WriteNull("epsilon");
        }

        json.WriteNumber("delta", spending.Delta);
        json.WriteEndObject();
    }

    /// <summary>One line.</summary>
    public static string Line(PrivacySpending spending, PrivacyBudget budget) =>
        string.Create(CultureInfo.InvariantCulture, $"epsilon {spending.Epsilon:F3} of {budget.Epsilon:G4} spent at delta {budget.Delta:G3}, by {spending.Jobs} {(spending.Jobs == 1 ? "job" : "jobs")}");
}
