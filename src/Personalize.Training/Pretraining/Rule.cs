using Personalize.Core.Errors;

namespace Personalize.Training.Pretraining;

/// <summary>What a recipe's setting must fulfil.</summary>
internal static class Rule
{
    /// <exception cref="RecipeException">It does not hold.</exception>
    public static void Require(bool holds, string setting, string requirement)
    {
        if (!holds)
        {
            throw new RecipeException(setting, requirement);
        }
    }
}
