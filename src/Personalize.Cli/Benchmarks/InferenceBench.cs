using Personalize.Cli.Hosting;
using Personalize.Cli.Models;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Models;

namespace Personalize.Cli.Benchmarks;

/// <summary>What the parts of <c>bench inference</c> share.</summary>
/// <param name="Context">The command.</param>
/// <param name="Engine">The model that was asked for.</param>
/// <param name="Peer">The peer's program, or null.</param>
/// <param name="Runs">How many counted runs.</param>
/// <param name="Folder">Where files that are written for the measurement lie.</param>
internal sealed record InferenceBench(CommandContext Context, Engine Engine, string? Peer, int Runs, string Folder)
{
    public int Threads => Engine.Pool.ThreadCount;

    public TimeProvider Time => Context.Time;

    /// <summary>The peer on a model file, or null where there is no peer.</summary>
    public PeerBenchmark? PeerOn(string model, string? adapter = null) => Peer is null ? null : new PeerBenchmark(Peer, model, Threads, adapter);

    /// <summary>Loads a model and closes its file, whose pages would else count as ours.</summary>
    public static DecoderModel Load(string path, int threads)
    {
        using var file = GgufFile.Open(path);
        return DecoderModel.Load(file, threads);
    }

    /// <summary>Does one run uncounted and then all counted ones, looking for a cancellation in between.</summary>
    public void Repeat(Action<bool> run)
    {
        for (var i = 0; i <= Runs; i++)
        {
            Context.CancellationToken.ThrowIfCancellationRequested();
            run(i > 0);
        }
    }
}
