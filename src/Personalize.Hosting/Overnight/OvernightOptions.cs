using Personalize.Core.Devices;
using Personalize.Training;
using Personalize.Training.Checkpoints;
using Personalize.Training.Evaluation;
using Personalize.Training.Jobs;
using Personalize.Training.Memory;

namespace Personalize.Hosting.Overnight;

/// <summary>How the overnight agent works. The defaults suit a laptop at home.</summary>
public sealed class OvernightOptions
{
    /// <summary>How many interactions must have been recorded since the last job for another one.</summary>
    public int MinimumNewInteractions { get; set; } = 20;

    /// <summary>How often the agent looks whether it may and should work.</summary>
    public TimeSpan LookInterval { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>For how long all conditions must have held before work begins.</summary>
    public TimeSpan Settle { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>How often the conditions are read while work goes on; what the person notices of it when they come back is this and the time of a layer.</summary>
    public TimeSpan PollInterval { get; set; } = TimeSpan.FromMilliseconds(400);

    /// <summary>How much work a power cut may cost.</summary>
    public TimeSpan CheckpointInterval { get; set; } = CheckpointOptions.DefaultInterval;

    /// <summary>How many adapters stay beside the one in use.</summary>
    public int KeepVersions { get; set; } = 4;

    /// <summary>How often a slice that failed for a passing reason (the profile in use, the disk full) is tried again at once; after that, it is left to the next look.</summary>
    public int Retries { get; set; } = 4;

    /// <summary>The pause before the first retry; it doubles each time.</summary>
    public TimeSpan RetryDelay { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>What decides the adapter; null stands for the default recipe.</summary>
    public LoraRecipe? Recipe { get; set; }

    /// <summary>What the recipe is called.</summary>
    public string RecipeName { get; set; } = "overnight";

    /// <summary>What the adapter has to show.</summary>
    public GateOptions Gate { get; set; } = new() { Canaries = 1 };

    /// <summary>How much may come from one source; null takes everything. Of sources that are not trusted alone, nothing is learnt.</summary>
    public SourceLimits? Sources { get; set; } = new();

    /// <summary>How the adapter in use is watched.</summary>
    public WatchOptions Watch { get; set; } = new();

    /// <summary>How much memory training may use; null stands for the defaults.</summary>
    public TrainingMemory? Memory { get; set; }

    /// <summary>What counts as charging, idle and cool, where the application supplies no conditions of its own.</summary>
    public ConditionLimits Conditions { get; set; } = new();

    /// <summary>How bursts and rests alternate on a warm device.</summary>
    public ThermalGovernor Governor { get; set; } = new();

    /// <summary>Checks every setting.</summary>
    /// <returns>What is wrong, naming the setting; null where nothing is.</returns>
    internal string? Problem()
    {
        if (MinimumNewInteractions < 1)
        {
            return $"{nameof(MinimumNewInteractions)} must be at least 1.";
        }

        if (LookInterval <= TimeSpan.Zero || PollInterval <= TimeSpan.Zero || Settle < TimeSpan.Zero || CheckpointInterval < TimeSpan.Zero || RetryDelay <= TimeSpan.Zero)
        {
            return $"{nameof(LookInterval)}, {nameof(PollInterval)} and {nameof(RetryDelay)} must be above zero, {nameof(Settle)} and {nameof(CheckpointInterval)} not negative.";
        }

        if (KeepVersions < 1 || Retries < 0)
        {
            return $"{nameof(KeepVersions)} must be at least 1, so that there is something to roll back to, and {nameof(Retries)} not negative.";
        }

        try
        {
            Recipe?.Validate();
            Gate.Validate();
            Conditions.Validate();
            return null;
        }
        catch (Exception exception) when (exception is ArgumentException or Core.Errors.RecipeException)
        {
            return exception.Message;
        }
    }
}
