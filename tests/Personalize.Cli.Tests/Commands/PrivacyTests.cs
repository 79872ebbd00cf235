using Personalize.Cli.Hosting;

namespace Personalize.Cli.Tests.Commands;

/// <summary>Training with a guarantee, what it costs, and the refusal to pass the budget.</summary>
public sealed class PrivacyTests : IDisposable
{
    private const int Rows = 40;
    private readonly TemporaryFolder _folder = new();
    private readonly string _model;

    public PrivacyTests()
    {
        _model = TinyModel.Write(_folder);
        var rows = string.Concat(Enumerable.Range(0, Rows).Select(i => $$"""{"timestamp": {{1741345891 + (i * 60)}}, "context": "ask {{i % 7}}", "text": "la la la {{i % 3}}"}""" + "\n"));
        Run("import", _folder.Write("interactions.jsonl", rows)).Succeeds();
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_private_job_is_counted_and_one_past_the_budget_refused_before_it_trains()
    {
        // Whether the gate lets so noisy an adapter through is not the question here.
        var trained = Run("train", "--now", "--model", _model, "--epsilon", "8", "--json").Json;
        Assert.Equal(14, trained.GetProperty("steps").GetInt32());
        var epsilon = trained.GetProperty("privacy").GetProperty("epsilon").GetDouble();
        Assert.InRange(epsilon, 7.9, 8);

        var status = Run("store", "status", "--json").Succeeds().Json.GetProperty("privacy");
        Assert.Equal(1, status.GetProperty("jobs").GetInt32());
        Assert.Equal(epsilon, status.GetProperty("epsilon").GetDouble());
        Assert.Equal(1e-5, status.GetProperty("delta").GetDouble());

        Run("train", "--now", "--model", _model, "--epsilon", "8").FailsWith(ExitCode.Refused, "privacy budget", "10");
        Assert.Single(Run("adapters", "list", "--json").Succeeds().Json.GetProperty("adapters").EnumerateArray());

        var budget = Run("store", "budget", "--epsilon", "12", "--json").Succeeds().Json;
        Assert.Equal(12, budget.GetProperty("budgetEpsilon").GetDouble());
        Assert.Equal(epsilon, budget.GetProperty("privacy").GetProperty("epsilon").GetDouble());
        Assert.Equal(2, Run("train", "--now", "--model", _model, "--epsilon", "8", "--json").Json.GetProperty("privacy").GetProperty("jobs").GetInt32());
    }

    [Fact]
    public void A_job_is_counted_before_its_first_step_resumed_for_nothing_and_replayed_at_its_price()
    {
        Run("store", "budget", "--epsilon", "30").Succeeds();
        using (var cancel = new CancellationTokenSource())
        {
            cancel.Cancel();
            CommandRun.With("", cancel.Token, "train", "--now", "--model", _model, "--epsilon", "8", "--data", _folder["profile"]).FailsWith(ExitCode.Failed, "stopped");
        }

        int Jobs() => Run("store", "status", "--json").Succeeds().Json.GetProperty("privacy").GetProperty("jobs").GetInt32();
        Assert.Equal(1, Jobs());
        Assert.Equal(1, Run("train", "--resume", "--model", _model, "--json").Json.GetProperty("privacy").GetProperty("jobs").GetInt32());

        // The replay without an erased text is another draw from the others, which it reveals anew.
        var first = Run("adapters", "list", "--json").Succeeds().Json.GetProperty("adapters")[0].GetProperty("id").GetString()!;
        var erased = Run("store", "erase", "--id", "3", "--json").Succeeds().Json.GetProperty("adaptersAffected").EnumerateArray().Select(id => id.GetString());
        Assert.Equal(first, Assert.Single(erased));
        Assert.Equal(14, Run("train", "--resume", "--model", _model, "--json").Json.GetProperty("steps").GetInt32());
        Assert.Equal(2, Jobs());
    }

    [Theory]
    [InlineData("--epsilon", "0")]
    [InlineData("--epsilon", "-1")]
    [InlineData("--epsilon", "NaN")]
    [InlineData("--epsilon", "infinity")]
    [InlineData("--epsilon", "8", "--delta", "0")]
    [InlineData("--epsilon", "8", "--delta", "1")]
    [InlineData("--epsilon", "8", "--delta", "NaN")]
    [InlineData("--delta", "1e-5")]
    public void A_guarantee_that_means_nothing_is_wrong_usage(params string[] options)
    {
        Run(["train", "--now", "--model", _model, .. options]).FailsWith(ExitCode.Usage, options[^2]);
        Run(["store", "budget", .. options]).FailsWith(ExitCode.Usage, options[^2]);
    }

    private CommandRun Run(params string[] args) => CommandRun.Of([.. args, "--data", _folder["profile"]]);
}
