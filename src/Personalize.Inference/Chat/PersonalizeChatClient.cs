using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;
using Personalize.Core.Errors;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Core.Tokenization;
using Personalize.Inference.Adapters;
using Personalize.Inference.Chat.Schemas;
using Personalize.Inference.Decoding;
using Personalize.Inference.Generation;

namespace Personalize.Inference.Chat;

/// <summary>A model on this device as an <see cref="IChatClient"/>. Safe to use from several threads; each answer is the one that the same conversation gets alone.</summary>
/// <remarks>
/// <para>Every request carries its whole conversation. What the client computed for the beginning of it, answers included, is found again and not computed a second time: an answer that comes back unchanged stands for the very tokens
/// that the model generated. Two requests at once never share a session, not even those that continue the same conversation: one of the two gets another session.</para>
/// <para>Of <see cref="ChatOptions"/>: <c>Instructions</c> (a system message in front), <c>Temperature</c> (0 takes the most probable token), <c>TopK</c>, <c>TopP</c>, <c>Seed</c>, <c>MaxOutputTokens</c>, <c>StopSequences</c> and <c>ResponseFormat</c> count.
/// With the same seed an answer is the same, and without one when nothing is random. A JSON format holds the answer to its schema, or without one to any JSON object: tokens that do not fit are not chosen, and the answer is a whole document wherever <c>MaxOutputTokens</c> and the context have room for the shortest one.
/// A schema may use <c>type</c>, <c>properties</c>, <c>required</c>, <c>additionalProperties</c>, <c>items</c>, <c>minItems</c>, <c>maxItems</c>, <c>minLength</c>, <c>maxLength</c>, <c>enum</c>, <c>const</c>, <c>anyOf</c> and local <c>$ref</c>;
/// annotations, <c>format</c> among them, are passed over and every other keyword is refused. The model does not read the schema: what it is to fill in has to be said in the conversation.
/// Tools, a conversation id, frequency and presence penalties are refused with <see cref="NotSupportedException"/>; <c>ModelId</c> and <c>AdditionalProperties</c> are passed over.</para>
/// <para>The response's <c>RawRepresentation</c> is the <see cref="GenerationResult"/>. Usage counts the end of the turn as an output token; with a drafter its additional counts hold <see cref="DraftedTokenCount"/> and <see cref="AcceptedTokenCount"/>. Telemetry, logging and caching come through the decorators of Microsoft.Extensions.AI.</para>
/// </remarks>
public sealed partial class PersonalizeChatClient : IChatClient
{
    /// <summary>The key, among usage's additional counts, of how many guessed tokens were verified; there where the client has a drafter.</summary>
    public const string DraftedTokenCount = nameof(DraftedTokenCount);

    /// <summary>The key, among usage's additional counts, of how many of the guessed tokens the model chose itself; there where the client has a drafter.</summary>
    public const string AcceptedTokenCount = nameof(AcceptedTokenCount);

    private readonly PersonalizeChatOptions _options;
    private readonly ChatFormat _format;
    private readonly TimeProvider _time;
    private readonly DecoderModel? _model;
    private readonly AttachedAdapter? _adapter;
    private readonly ChatClientMetadata _metadata;
    private readonly ChatSessionPool _sessions;
    private readonly TranscriptStore _transcripts;
    private readonly ConstraintPool _constraints;
    private long _answers = -1;

    /// <summary>Serves a model. Nothing is planned before the first request.</summary>
    /// <param name="model">The weights; must outlive the client.</param>
    /// <param name="format">The model's tokenizer and chat template.</param>
    /// <param name="pool">The threads; must outlive the client.</param>
    /// <param name="options">How to work where a request says nothing else; null for the defaults.</param>
    /// <param name="adapter">An adapter to answer with, or null; must outlive the client.</param>
    /// <param name="time">Tells when an answer was made and measures its speed; null for the system's clock.</param>
    public PersonalizeChatClient(DecoderModel model, ChatFormat format, WorkerPool pool, PersonalizeChatOptions? options = null, AttachedAdapter? adapter = null, TimeProvider? time = null)
        : this(Sessions(model, pool, (options ?? new PersonalizeChatOptions()).Session, adapter), format, options, Path.GetFileNameWithoutExtension(model.Path), time)
    {
        ArgumentNullException.ThrowIfNull(pool);
        _model = model;
        _adapter = adapter;
    }

    /// <summary>Serves sessions made elsewhere.</summary>
    internal PersonalizeChatClient(Func<IDecoderSession> createSession, ChatFormat format, PersonalizeChatOptions? options, string modelId, TimeProvider? time)
    {
        ArgumentNullException.ThrowIfNull(format);
        _options = options ?? new PersonalizeChatOptions();
        _format = format;
        _time = time ?? TimeProvider.System;
        _metadata = new ChatClientMetadata("personalize", providerUri: null, _options.ModelId ?? modelId);
        _sessions = new ChatSessionPool(_options.MaxSessions, () => new ChatSession(createSession(), format.Tokenizer, _time, _options.CreateDrafter?.Invoke()));
        _transcripts = new TranscriptStore(_options.MaxTranscripts);
        _constraints = new ConstraintPool(format.Tokenizer);
    }

    /// <summary>Answers a conversation.</summary>
    /// <param name="messages">The whole conversation, oldest first: text of the system, the user and the assistant.</param>
    /// <param name="options">What the class's remarks list, or null.</param>
    /// <param name="cancellationToken">Looked at between tokens and between the chunks of the prefill.</param>
    /// <returns>The answer, with usage and the reason why it ended.</returns>
    /// <exception cref="NotSupportedException">The request asks for something that this client does not do.</exception>
    /// <exception cref="UnsupportedSchemaException">The answer cannot be held to the schema.</exception>
    /// <exception cref="ContextLengthException">The conversation has more tokens than the context.</exception>
    /// <exception cref="ChatTemplateException">The model's template refuses the conversation.</exception>
    /// <exception cref="MemoryShortageException">A further conversation needs more memory than there is.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The client was disposed.</exception>
    public async Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        using var turn = await BeginAsync(messages, options, cancellationToken).ConfigureAwait(false);
        while (await turn.MoveNextAsync().ConfigureAwait(false))
        {
        }

        var result = turn.Finish();
        return new ChatResponse(new ChatMessage(ChatRole.Assistant, result.Text) { MessageId = turn.Id, CreatedAt = turn.CreatedAt })
        {
            ResponseId = turn.Id,
            ModelId = _metadata.DefaultModelId,
            CreatedAt = turn.CreatedAt,
            FinishReason = FinishReason(result),
            Usage = Usage(result),
            RawRepresentation = result,
        };
    }

    /// <summary>Answers a conversation piece by piece: whole characters as soon as they are certain, at last an update with usage and the reason why the answer ended.</summary>
    /// <param name="messages">The whole conversation, oldest first: text of the system, the user and the assistant.</param>
    /// <param name="options">What the class's remarks list, or null.</param>
    /// <param name="cancellationToken">Looked at between tokens and between the chunks of the prefill.</param>
    /// <returns>The pieces. Nothing is computed ahead of who reads them; leaving the enumeration ends the answer.</returns>
    /// <exception cref="NotSupportedException">The request asks for something that this client does not do.</exception>
    /// <exception cref="UnsupportedSchemaException">The answer cannot be held to the schema.</exception>
    /// <exception cref="ContextLengthException">The conversation has more tokens than the context.</exception>
    /// <exception cref="ChatTemplateException">The model's template refuses the conversation.</exception>
    /// <exception cref="MemoryShortageException">A further conversation needs more memory than there is.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The client was disposed.</exception>
    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages,
        ChatOptions? options = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        using var turn = await BeginAsync(messages, options, cancellationToken).ConfigureAwait(false);
        while (await turn.MoveNextAsync().ConfigureAwait(false))
        {
            if (turn.Piece.Length > 0)
            {
                yield return Update(turn, [new TextContent(turn.Piece)]);
            }
        }

        var result = turn.Finish();
        var last = Update(turn, [new UsageContent(Usage(result))]);
        last.FinishReason = FinishReason(result);
        last.RawRepresentation = result;
        yield return last;
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is null ? new object?[] { this, _metadata, _model, _format, _adapter }.FirstOrDefault(serviceType.IsInstanceOfType) : null;
    }

    /// <summary>Frees the sessions, those of answers under way when they end. Model, pool and adapter remain their owner's.</summary>
    public void Dispose() => _sessions.Dispose();

    // Called by one thread at a time, and no session is freed before the client: what they take together is refused before it is allocated.
    private static Func<IDecoderSession> Sessions(DecoderModel model, WorkerPool pool, DecoderSessionOptions options, AttachedAdapter? adapter)
    {
        var taken = 0L;
        return () =>
        {
            MemoryShortageException.ThrowIfAbove(model.ByteLength + taken + DecoderSession.PlannedBytes(model.Description, options), options.MemoryLimitBytes);
            var session = new DecoderSession(model, pool, options, adapter);
            taken += session.ByteLength;
            return session;
        };
    }

    private static ChatFinishReason? FinishReason(GenerationResult result) => result.StopReason switch
    {
        GenerationStopReason.StopToken or GenerationStopReason.StopString => ChatFinishReason.Stop,
        GenerationStopReason.MaxTokens or GenerationStopReason.ContextFull => ChatFinishReason.Length,
        _ => null,
    };

    private UsageDetails Usage(GenerationResult result) => new()
    {
        InputTokenCount = result.PromptTokens,
        CachedInputTokenCount = result.ReusedTokens,
        OutputTokenCount = result.Ids.Count,
        TotalTokenCount = result.PromptTokens + result.Ids.Count,
        AdditionalCounts = _options.CreateDrafter is null ? null : new() { [DraftedTokenCount] = result.DraftedTokens, [AcceptedTokenCount] = result.AcceptedTokens },
    };

    private ChatResponseUpdate Update(ChatTurn turn, IList<AIContent> contents) => new(ChatRole.Assistant, contents)
    {
        ResponseId = turn.Id,
        MessageId = turn.Id,
        ModelId = _metadata.DefaultModelId,
        CreatedAt = turn.CreatedAt,
    };

    private async Task<ChatTurn> BeginAsync(IEnumerable<ChatMessage> messages, ChatOptions? options, CancellationToken cancellationToken)
    {
        ChatRequest.CheckSupported(options);
        var prompt = _format.Render(ChatRequest.Messages(messages, options), addGenerationPrompt: true);
        var (before, answers) = _transcripts.Find(prompt);
        var ids = before?.Encode(prompt, answers, _format.Tokenizer) ?? _format.Tokenizer.Encode(prompt);
        var sampling = ChatRequest.Sampling(options, _options.Sampling, (ulong)Interlocked.Increment(ref _answers));
        var lease = options?.ResponseFormat is ChatResponseFormatJson json ? _constraints.Take(json.Schema) : null;
        ChatSession? session = null;
        try
        {
            session = await _sessions.TakeAsync(ids, cancellationToken).ConfigureAwait(false);
            var request = new GenerationRequest
            {
                Prompt = ids,
                MaxTokens = options?.MaxOutputTokens ?? _options.MaxOutputTokens,
                Sampling = sampling,
                StopStrings = options?.StopSequences is { } stops ? [.. stops] : [],
                Constraint = lease?.Constraint,
            };
            var generation = session.Generator.Generate(request, cancellationToken);

            // A token can be chosen behind the last one that is fed.
            lease?.Constraint.Begin(Math.Min(request.MaxTokens, session.Generator.Session.ContextLength - ids.Length + 1));
            return new ChatTurn(generation, _time.GetUtcNow(), Complete);
        }
        catch
        {
            Release();
            throw;
        }

        void Complete(GenerationResult? result)
        {
            if (result is { Ids.Count: > 0 })
            {
                var (count, text) = ChatAnswer.Kept(result, _format.Tokenizer);
                var grown = Transcript.Extend(before, answers, prompt, ids, text, [.. result.Ids.Take(count)]);
                _transcripts.Add(grown, answers == before?.Count ? before : null);
            }

            Release();
        }

        void Release()
        {
            lease?.Dispose();
            if (session is not null)
            {
                _sessions.Return(session);
            }
        }
    }
}
