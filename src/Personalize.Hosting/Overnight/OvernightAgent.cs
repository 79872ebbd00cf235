using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Personalize.Core.Devices;
using Personalize.Core.Errors;
using Personalize.Training;
using Personalize.Training.Jobs;
using Polly;
using Polly.Retry;

namespace Personalize.Hosting.Overnight;

/// <summary>
/// Trains while the device is idle: waits until all conditions have held for a while and enough was recorded, works until it is done or a condition no longer holds, and goes on from there the next time. Everything it did or did
/// not do is written down with its reason. One agent works on a profile at a time, whichever process it is in. Not thread-safe: one call at a time.
/// </summary>
public sealed partial class OvernightAgent
{
    private static readonly TimeSpan NoteInterval = TimeSpan.FromMinutes(30);

    private readonly IProfileAccess _profile;
    private readonly Func<OvernightModel> _model;
    private readonly IDeviceConditions _conditions;
    private readonly OvernightOptions _options;
    private readonly TimeProvider _time;
    private readonly OvernightLog _log;
    private readonly ILogger _logger;
    private readonly ResiliencePipeline _retries;
    private DateTimeOffset? _heldSince;
    private OvernightEntry? _noted;

    /// <summary>Prepares an agent; nothing is opened yet.</summary>
    /// <param name="profile">The person's profile.</param>
    /// <param name="model">Loads the base model, each time there is work.</param>
    /// <param name="conditions">The device.</param>
    /// <param name="options">How to work; read once.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Told what each look came to; null for none.</param>
    /// <exception cref="ArgumentException">An option cannot work.</exception>
    public OvernightAgent(IProfileAccess profile, Func<OvernightModel> model, IDeviceConditions conditions, OvernightOptions options, TimeProvider time, ILogger<OvernightAgent>? logger = null)
    {
        ArgumentNullException.ThrowIfNull(profile);
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(conditions);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        if (options.Problem() is { } problem)
        {
            throw new ArgumentException(problem, nameof(options));
        }

        (_profile, _model, _conditions, _options, _time) = (profile, model, conditions, options, time);
        _log = new OvernightLog(profile);
        _logger = logger ?? (ILogger)NullLogger.Instance;
        var builder = new ResiliencePipelineBuilder { TimeProvider = time };
        if (options.Retries > 0)
        {
            builder.AddRetry(new RetryStrategyOptions
            {
                MaxRetryAttempts = options.Retries,
                Delay = options.RetryDelay,
                BackoffType = DelayBackoffType.Exponential,
                ShouldHandle = arguments => ValueTask.FromResult(IsPassing(arguments.Outcome.Exception)),
            });
        }

        _retries = builder.Build();
    }

    /// <summary>Told after every step of training; null for none.</summary>
    public IProgress<TrainingProgress>? Progress { get; init; }

    /// <summary>Looks again and again until it is cancelled. A look that fails is written down and the next one comes.</summary>
    /// <param name="cancellationToken">Ends it; work that goes on is interrupted within a layer's time and its state kept.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                _ = await LookAsync(cancellationToken);
            }
#pragma warning disable CA1031 // An application must not end because its overnight work met what nobody foresaw.
            catch (Exception exception) when (exception is not OperationCanceledException)
#pragma warning restore CA1031
            {
                // The type alone: nobody knows what a message from elsewhere holds.
                LogUnforeseen(_logger, exception.GetType().Name);
            }

            await Task.Delay(_options.LookInterval, _time, cancellationToken);
        }
    }

    /// <summary>Looks once whether it may and should work, and if so works until it is done or has to stop.</summary>
    /// <param name="cancellationToken">Interrupts the work; its state is kept.</param>
    /// <returns>What it came to; errors of data, files and device are entries too.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public async Task<OvernightEntry> LookAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using var activity = OvernightTelemetry.Activities.StartActivity("look");
        OvernightEntry entry;
        try
        {
            entry = await DecideAsync(cancellationToken);
        }
        catch (PersonalizeException exception)
        {
            // The profile itself cannot be opened, so there is nowhere to write it down.
            entry = Entry(OvernightKind.Failed, exception.Message);
        }

        OvernightTelemetry.Looks.Add(1, new KeyValuePair<string, object?>("kind", entry.Kind.ToString()));
        activity?.SetTag("personalize.kind", entry.Kind.ToString());
        LogLook(_logger, entry.Kind, entry.Reason);
        return entry;
    }

    private async Task<OvernightEntry> DecideAsync(CancellationToken cancellationToken)
    {
        if (!_profile.Exists)
        {
            return Entry(OvernightKind.NotNow, "there is no profile yet: nothing was recorded");
        }

        var readings = _conditions.Read(isWorking: false);
        if (!readings.AllMet)
        {
            _heldSince = null;
            return Note(readings.Obstacles);
        }

        _heldSince ??= _time.GetUtcNow();
        if (_time.GetUtcNow() - _heldSince < _options.Settle)
        {
            return Note($"all conditions hold, and must go on to for {_options.Settle.TotalSeconds:F0} s");
        }

        JobJournal journal;
        try
        {
            journal = _profile.Read(JobJournal.Open);
        }
        catch (ProfileLockedException)
        {
            return Entry(OvernightKind.NotNow, "another training job runs on this profile");
        }

        using (journal)
        {
            var due = _profile.Read(opened => OvernightDue.Find(opened, journal, OvernightHistory.Read(opened), _options));
            return due.Train || due.Watch ? await WorkAsync(journal, due, cancellationToken) : NoteHolding(Entry(OvernightKind.NotNow, due.Reason));
        }
    }

    private async Task<OvernightEntry> WorkAsync(JobJournal journal, OvernightDue due, CancellationToken cancellationToken)
    {
        _noted = null;
        using var monitor = new ConditionMonitor(_conditions, _options.PollInterval, _time, cancellationToken);
        var slice = new OvernightSlice(_profile, journal, _model, _options, _log, _time);
        var began = _time.GetTimestamp();
        try
        {
            // A thread of its own: it computes for minutes, and rests in between.
            return await _retries.ExecuteAsync(
                async token => await Task.Factory.StartNew(
                    () => slice.Run(due, new PacedProgress(monitor, _options.Governor, _time, Progress), token), token, TaskCreationOptions.LongRunning, TaskScheduler.Default),
                monitor.Token);
        }
        catch (OperationCanceledException)
        {
            _heldSince = null;
            var entry = _log.Write(Entry(OvernightKind.Interrupted, cancellationToken.IsCancellationRequested ? "stopped; it goes on from here" : monitor.Latest.Obstacles));
            cancellationToken.ThrowIfCancellationRequested();
            return entry;
        }
        catch (Exception exception) when (exception is PersonalizeException or IOException or UnauthorizedAccessException or OutOfMemoryException)
        {
            return _log.Write(Entry(OvernightKind.Failed, exception.Message), history => IsPassing(exception) ? history : history with { FailedUpTo = due.NewestId });
        }
        finally
        {
            OvernightTelemetry.SliceSeconds.Record(_time.GetElapsedTime(began).TotalSeconds);
        }
    }

    /// <summary>Whether it may be gone the next time.</summary>
    private static bool IsPassing(Exception? exception) =>
        exception is ProfileLockedException or ProfileAccessException or MemoryShortageException or MemoryBudgetException or IOException or UnauthorizedAccessException or OutOfMemoryException;

    /// <summary>Writes down why nothing was begun, if it is news; the right to write is the right to train, and who holds that knows better.</summary>
    private OvernightEntry Note(string reason)
    {
        var entry = Entry(OvernightKind.NotNow, reason);
        if (!IsNews(entry))
        {
            return entry;
        }

        try
        {
            using var journal = _profile.Read(JobJournal.Open);
            return NoteHolding(entry);
        }
        catch (ProfileLockedException)
        {
            return entry;
        }
    }

    private OvernightEntry NoteHolding(OvernightEntry entry)
    {
        if (IsNews(entry))
        {
            _ = _log.Write(entry);
            _noted = entry;
        }

        return entry;
    }

    private bool IsNews(OvernightEntry entry) => _noted is null || !OvernightHistory.SameTopic(_noted.Reason, entry.Reason) || entry.At - _noted.At >= NoteInterval;

    private OvernightEntry Entry(OvernightKind kind, string reason) => new(_time.GetUtcNow(), _time.GetUtcNow(), kind, reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "unforeseen {Error}")]
    private static partial void LogUnforeseen(ILogger logger, string error);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Kind}: {Reason}")]
    private static partial void LogLook(ILogger logger, OvernightKind kind, string reason);
}
