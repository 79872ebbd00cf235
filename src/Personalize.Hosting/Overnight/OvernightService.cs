using Microsoft.Extensions.Hosting;

namespace Personalize.Hosting.Overnight;

/// <summary>Runs the overnight agent as long as the application runs.</summary>
/// <param name="agent">The agent.</param>
internal sealed class OvernightService(OvernightAgent agent) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await agent.RunAsync(stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The application ends; what was trained so far is kept.
        }
    }
}
