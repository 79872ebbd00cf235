using System.Globalization;
using System.Net;
using Personalize.Cli.Presentation;
using Personalize.Core.Errors;
using Personalize.Core.Formats.Gguf;
using Polly;
using Polly.Retry;

namespace Personalize.Cli.Models.Pull;

/// <summary>
/// Brings a model file: goes on where an earlier run stopped, tries again with growing pauses, and gives the file its name only when its length and checksum are those that were announced and its tensors are all there.
/// </summary>
/// <param name="client">Sends the requests; must not follow redirections by itself, so that their headers are seen.</param>
/// <param name="options">How patient it is.</param>
/// <param name="time">Measures stalls and pauses.</param>
internal sealed class ModelDownload(HttpClient client, DownloadOptions options, TimeProvider time)
{
    private const long Margin = 64 << 20;

    /// <summary>Brings it.</summary>
    /// <param name="address">Where it lies.</param>
    /// <param name="target">Where it is to be.</param>
    /// <param name="given">The checksum that the person gave, or null.</param>
    /// <param name="known">The checksum that is known, or null.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="cancellationToken">Stops; what came so far is kept for the next run.</param>
    /// <exception cref="DownloadException">See <see cref="DownloadError"/>.</exception>
    public async Task<DownloadResult> RunAsync(Uri address, string target, string? given, string? known, IProgress<WorkProgress> progress, CancellationToken cancellationToken)
    {
        using var partial = PartialFile.Open(target);
        var resumedFrom = partial.Length;
        var serverSha256 = await FetchAsync(address, partial, progress, cancellationToken).ConfigureAwait(false);
        var (expected, check) = given is not null ? (given, "given") : known is not null ? (known, "known") : serverSha256 is not null ? (serverSha256, "server") : (null, "none");
        var actual = await partial.HashAsync(cancellationToken).ConfigureAwait(false);
        if (expected is not null && !string.Equals(actual, expected, StringComparison.OrdinalIgnoreCase) && resumedFrom > 0)
        {
            // What an earlier run left may be a part of another version: the whole once more, from the beginning.
            partial.Restart(mark: null);
            resumedFrom = 0;
            await FetchAsync(address, partial, progress, cancellationToken).ConfigureAwait(false);
            actual = await partial.HashAsync(cancellationToken).ConfigureAwait(false);
        }

        if (expected is not null && !string.Equals(actual, expected, StringComparison.OrdinalIgnoreCase))
        {
            partial.Delete();
            throw new DownloadException(DownloadError.WrongBytes, $"{address}: the checksum of what came is {actual} and should be {expected}: nothing was kept; try again later or from elsewhere (--from)");
        }

        var bytes = partial.Length;
        partial.Settle();
        Check(partial, address);
        partial.MoveTo(target);
        return new DownloadResult(target, bytes, actual, check, resumedFrom);
    }

    // Opens it as a model: a file cut short within what the server announced is seen here.
    private static void Check(PartialFile partial, Uri address)
    {
        try
        {
            using var file = GgufFile.Open(partial.Path);
        }
        catch (PersonalizeException exception)
        {
            partial.Delete();
            throw new DownloadException(DownloadError.NotAModel, $"{address}: what came is no whole GGUF file and was not kept: {exception.Message}", exception);
        }
    }

    private async Task<string?> FetchAsync(Uri address, PartialFile partial, IProgress<WorkProgress> progress, CancellationToken cancellationToken)
    {
        var (failures, atLastFailure) = (0, partial.Length);
        var pipeline = new ResiliencePipelineBuilder { TimeProvider = time }.AddRetry(new RetryStrategyOptions
        {
            MaxRetryAttempts = int.MaxValue,
            ShouldHandle = arguments => ValueTask.FromResult(IsPassing(arguments.Outcome.Exception) && CountFailure()),
            DelayGenerator = _ => ValueTask.FromResult<TimeSpan?>(options.Pause * (1 << Math.Min(failures - 1, 6))),
        }).Build();
        try
        {
            return await pipeline.ExecuteAsync(async token => await FetchOnceAsync(address, partial, progress, token).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (IsPassing(exception))
        {
            var cause = exception.InnerException is System.Net.Sockets.SocketException or IOException ? exception.InnerException.Message : exception.Message;
            throw new DownloadException(
                DownloadError.NotReachable,
                $"{address.Host}: {cause.TrimEnd('.')}; {partial.Length} bytes are kept and the next try goes on from there: check the connection, or name a file that you have with --model",
                exception);
        }

        // A server that brings something each time may break off as often as it likes.
        bool CountFailure()
        {
            failures = partial.Length >= atLastFailure + options.Enough ? 1 : failures + 1;
            atLastFailure = partial.Length;
            return failures < options.MostFailures;
        }
    }

    private async Task<string?> FetchOnceAsync(Uri address, PartialFile partial, IProgress<WorkProgress> progress, CancellationToken cancellationToken)
    {
        using var stall = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var watch = time.CreateTimer(_ => stall.Cancel(), null, options.StallTimeout, Timeout.InfiniteTimeSpan);
        try
        {
            using var answer = await FileAnswer.RequestAsync(client, address, partial.Length, partial.Mark, stall.Token).ConfigureAwait(false);
            if (answer.IsAllThere(partial.Length))
            {
                return answer.ServerSha256;
            }

            CheckStatus(answer, address, partial);
            Adopt(answer, partial);

            var total = answer.TotalLength;
            CheckRoom(partial, total);
            var stream = await answer.Content.ReadAsStreamAsync(stall.Token).ConfigureAwait(false);
            await using var scope = stream.ConfigureAwait(false);
            var buffer = new byte[1 << 18];
            var (start, began) = (partial.Length, time.GetTimestamp());
            while (true)
            {
                watch.Change(options.StallTimeout, Timeout.InfiniteTimeSpan);
                var read = await stream.ReadAsync(buffer, stall.Token).ConfigureAwait(false);
                if (read == 0)
                {
                    break;
                }

                await partial.AppendAsync(buffer.AsMemory(0, read), cancellationToken).ConfigureAwait(false);
                progress.Report(Describe(partial.Length, total, partial.Length - start, time.GetElapsedTime(began)));
            }

            return total is null || partial.Length == total
                ? answer.ServerSha256
                : throw new HttpRequestException($"the server announced {total} bytes and sent {partial.Length}");
        }
        catch (OperationCanceledException exception) when (!cancellationToken.IsCancellationRequested)
        {
            throw new HttpRequestException($"the server said nothing for {options.StallTimeout.TotalSeconds.ToString(CultureInfo.InvariantCulture)} s", exception);
        }
        catch (IOException exception) when (exception is not HttpIOException && IsDiskFull(exception))
        {
            throw new DownloadException(DownloadError.NoRoom, $"{partial.Path}: the disk is full; {partial.Length} bytes are kept: make room and pull again", exception);
        }
    }

    // Whether the answer goes on with what is there, or begins anew.
    private static void Adopt(FileAnswer answer, PartialFile partial)
    {
        if (answer.Status != HttpStatusCode.PartialContent)
        {
            partial.Restart(answer.Mark);
        }
        else if (answer.Start != partial.Length || (answer.Mark is { } mark && mark != partial.Mark))
        {
            partial.Restart(mark: null);
            throw new HttpRequestException("the server sent another part than the one it was asked for");
        }
    }

    private static void CheckStatus(FileAnswer answer, Uri address, PartialFile partial)
    {
        var code = (int)answer.Status;
        if (answer.Status == HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            // More is there than the file has: it cannot be a part of it.
            partial.Restart(mark: null);
            throw new HttpRequestException("the server has no such part of the file");
        }

        if (code is 408 or 425 or 429 or >= 500)
        {
            throw new HttpRequestException($"the server is busy ({code})");
        }

        if (answer.Status is not (HttpStatusCode.OK or HttpStatusCode.PartialContent))
        {
            throw new DownloadException(DownloadError.Refused, code is 401 or 403
                ? $"{address}: the server does not give it without an account ({code}): fetch it with a browser and pass the file with --model"
                : $"{address}: the server does not have it ({code}): name another place with --from, or pass a file that you have with --model");
        }

        if (answer.IsPage)
        {
            throw new DownloadException(DownloadError.Refused, $"{address}: a web page came in place of the file: a login or a filter stands between; fetch it with a browser and pass the file with --model");
        }
    }

    private void CheckRoom(PartialFile partial, long? total)
    {
        var free = options.FreeBytes(Path.GetDirectoryName(partial.Path)!);
        if (total is { } length && length - partial.Length + Margin > free)
        {
            throw new DownloadException(
                DownloadError.NoRoom,
                string.Create(CultureInfo.InvariantCulture, $"{Path.GetDirectoryName(partial.Path)}: {(length - partial.Length) / 1e6:F0} MB are to come and {free / 1e6:F0} MB are free: make room, or name another folder with --to"));
        }
    }

    private static bool IsPassing(Exception? exception) => exception is HttpRequestException or HttpIOException or System.Net.Sockets.SocketException;

    private static bool IsDiskFull(IOException exception)
    {
        const int NoSpaceOnUnix = 28, NoSpaceOnWindows = unchecked((int)0x80070070);
        return exception.HResult is NoSpaceOnUnix or NoSpaceOnWindows || exception.Message.StartsWith("No space left", StringComparison.Ordinal);
    }

    private static WorkProgress Describe(long done, long? total, long moved, TimeSpan elapsed)
    {
        var rate = elapsed > TimeSpan.Zero ? moved / elapsed.TotalSeconds / 1e6 : 0;
        var text = total is { } length ? $"{done / 1e6:F0} of {length / 1e6:F0} MB, {rate:F1} MB/s" : $"{done / 1e6:F0} MB, {rate:F1} MB/s";
        return new WorkProgress(total is > 0 ? (double)done / total.Value : 0, text);
    }
}
