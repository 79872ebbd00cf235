using System.Text;
using Personalize.Core.Tokenization;
using Personalize.Inference.Sampling;
using Personalize.Inference.Speculation;

namespace Personalize.Inference.Generation;

/// <summary>The state of one text while it is computed.</summary>
internal sealed class GenerationRun
{
    private readonly TextGenerator _generator;
    private readonly Speculator? _speculator;
    private readonly SamplingOptions _sampling;
    private readonly Sampler _sampler;
    private readonly StreamingDecoder _decoder;
    private readonly StopStringFilter _filter;
    private readonly IReadOnlyCollection<int> _stopTokens;
    private readonly ITokenConstraint? _constraint;
    private readonly float[] _allowed;
    private readonly StringBuilder _text = new();
    private readonly int[] _prompt;
    private readonly int _maxTokens;
    private readonly int _vocabularySize;
    private int[] _history;
    private int _count;
    private int _reused;
    private int _decoded;
    private TimeSpan _prefillTime;
    private TimeSpan _decodeTime;
    private GenerationStopReason _reason = GenerationStopReason.Interrupted;

    public GenerationRun(TextGenerator generator, GenerationRequest request)
    {
        _generator = generator;
        // A model may have more logits than its vocabulary has tokens, as padding.
        _vocabularySize = Math.Min(generator.Session.VocabularySize, generator.Tokenizer.VocabularySize);
        _speculator = generator.Speculator;
        _sampling = request.Sampling;
        _sampler = new Sampler(request.Sampling, _vocabularySize);
        _decoder = new StreamingDecoder(generator.Tokenizer, includeSpecialTokens: false);
        _filter = new StopStringFilter(request.StopStrings);
        _stopTokens = request.StopTokens ?? generator.Tokenizer.StopTokens;
        _maxTokens = request.MaxTokens;
        _constraint = request.Constraint;
        _allowed = _constraint is null ? [] : new float[_vocabularySize];
        _prompt = [.. request.Prompt];
        _history = new int[_prompt.Length + 64];
        _prompt.CopyTo(_history, 0);
        _count = _prompt.Length;
    }

    public bool IsFinished { get; private set; }

    private int Generated => _count - _prompt.Length;

    public void Prefill(CancellationToken cancellationToken)
    {
        _speculator?.Begin(_sampling, _vocabularySize, _stopTokens);
        var start = _generator.Time.GetTimestamp();
        _reused = _generator.Prefill(_prompt, cancellationToken);
        _prefillTime = _generator.Time.GetElapsedTime(start);
    }

    public GeneratedToken Next()
    {
        var start = _generator.Time.GetTimestamp();
        if (Generated > 0)
        {
            // Fed only now, so that nothing is computed after the last token.
            Step();
            _decoded++;
        }

        var token = Choose();
        if (_decoded > 0)
        {
            _decodeTime += _generator.Time.GetElapsedTime(start);
        }

        Remember(token);
        var piece = Advance(token);
        _text.Append(piece);
        return new GeneratedToken(token, piece);
    }

    /// <summary>Ends the text, whether it came to its end or not.</summary>
    public void End() => _speculator?.End(_history.AsSpan(0, _count));

    public GenerationResult ToResult()
    {
        var prefilled = _decoded + Generated > 0 ? _prompt.Length - _reused : 0;
        return new GenerationResult(
            _text.ToString(),
            _history[_prompt.Length.._count],
            _prompt.Length,
            _reused,
            Rate(prefilled, _prefillTime),
            Rate(_decoded, _decodeTime),
            _speculator?.DraftedTokens ?? 0,
            _speculator?.AcceptedTokens ?? 0,
            _reason)
        {
            SpeculationGivenUp = _speculator?.IsOff ?? false,
        };
    }

    private static double Rate(int tokens, TimeSpan time) => time > TimeSpan.Zero ? tokens / time.TotalSeconds : 0;

    private void Step()
    {
        if (_speculator is null)
        {
            _generator.Decode(_history[_count - 1]);
            return;
        }

        // A draft is followed by one more token that the model chooses alone.
        var room = Math.Min(_maxTokens - Generated, _generator.Session.ContextLength - _count + 1) - 1;
        _speculator.Step(_history.AsSpan(0, _count), room);
    }

    // Tokens are chosen one after the other in their order, drafted or not, so that a constraint sees each exactly once.
    private int Choose()
    {
        var history = _history.AsSpan(0, _count);
        var logits = Allowed((_speculator is null ? _generator.Session.Logits : _speculator.Logits)[.._vocabularySize]);
        var token = _speculator is null ? _sampler.Sample(logits, history) : _speculator.Choose(_sampler, logits, history);
        _constraint?.Accept(token);
        return token;
    }

    // A copy: the session's logits are not the run's to change.
    private ReadOnlySpan<float> Allowed(ReadOnlySpan<float> logits)
    {
        if (_constraint is null)
        {
            return logits;
        }

        logits.CopyTo(_allowed);
        _constraint.Apply(_allowed);
        return _allowed;
    }

    private void Remember(int token)
    {
        if (_count == _history.Length)
        {
            Array.Resize(ref _history, _history.Length * 2);
        }

        _history[_count++] = token;
    }

    // What of the text became certain with the token; also decides whether it was the last.
    private string Advance(int token)
    {
        var isStopToken = _stopTokens.Contains(token);
        var piece = isStopToken ? "" : _filter.Append(_decoder.Append(token));
        if (_filter.IsMatched)
        {
            return Finish(GenerationStopReason.StopString, piece);
        }

        if (isStopToken)
        {
            return Finish(GenerationStopReason.StopToken, piece);
        }

        if (Generated == _maxTokens)
        {
            return Finish(GenerationStopReason.MaxTokens, piece);
        }

        // All but the last token is fed; the session may hold drafted ones beyond.
        return _count - 1 == _generator.Session.ContextLength ? Finish(GenerationStopReason.ContextFull, piece) : piece;
    }

    private string Finish(GenerationStopReason reason, string piece)
    {
        IsFinished = true;
        _reason = reason;
        if (reason == GenerationStopReason.StopString)
        {
            return piece;
        }

        // Bytes of an unfinished character come out as U+FFFD, which a stop string may hold too.
        piece += _filter.Append(_decoder.Flush());
        if (_filter.IsMatched)
        {
            _reason = GenerationStopReason.StopString;
        }

        return piece + _filter.Flush();
    }
}
