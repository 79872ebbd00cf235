using System.Runtime.InteropServices;

namespace Personalize.Cli.Hosting;

/// <summary>Turns Ctrl-C and termination into a cancelled token, and ends the process where a command does not obey within a second.</summary>
/// <remarks>Ending it by force is safe: what is stored is stored by transactions and atomic renames.</remarks>
internal sealed class Interruption : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(900);
    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration _interrupt;
    private readonly PosixSignalRegistration _terminate;

    public Interruption()
    {
        _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        _terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
    }

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Token => _source.Token;

    public void Dispose()
    {
        _interrupt.Dispose();
        _terminate.Dispose();
        _source.Dispose();
    }

    private void Stop(PosixSignalContext context)
    {
        context.Cancel = true;
        if (_source.IsCancellationRequested)
        {
            Environment.Exit(ExitCode.Failed);
        }

        var watchdog = new Thread(() =>
        {
            Thread.Sleep(Patience);
            Environment.Exit(ExitCode.Failed);
        })
        {
            IsBackground = true,
        };
        watchdog.Start();
        _source.Cancel();
    }
}
