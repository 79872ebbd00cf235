using System.Collections;

namespace Personalize.Inference.Generation;

/// <summary>The tokens of one text, computed while they are enumerated; can be enumerated once. Not thread-safe.</summary>
public sealed class TextGeneration : IEnumerable<GeneratedToken>
{
    private readonly TextGenerator _generator;
    private readonly GenerationRequest _request;
    private readonly CancellationToken _cancellationToken;
    private GenerationResult? _result;
    private bool _started;

    internal TextGeneration(TextGenerator generator, GenerationRequest request, CancellationToken cancellationToken)
    {
        _generator = generator;
        _request = request;
        _cancellationToken = cancellationToken;
    }

    /// <summary>What came out, once the enumeration ended; what came out until then, if it was left early.</summary>
    /// <exception cref="InvalidOperationException">The enumeration has not ended.</exception>
    public GenerationResult Result => _result ?? throw new InvalidOperationException("The text has not been enumerated to its end.");

    /// <summary>Computes the text to its end.</summary>
    /// <returns>The result.</returns>
    /// <exception cref="OperationCanceledException">Cancelled; <see cref="Result"/> holds what there is.</exception>
    public GenerationResult RunToEnd()
    {
        using var tokens = GetEnumerator();
        while (tokens.MoveNext())
        {
        }

        return Result;
    }

    /// <summary>Starts the computation.</summary>
    /// <returns>The tokens, each as soon as it is known.</returns>
    /// <exception cref="InvalidOperationException">It was enumerated before, or another text of the generator is not finished.</exception>
    public IEnumerator<GeneratedToken> GetEnumerator()
    {
        if (_started)
        {
            throw new InvalidOperationException("A text can be enumerated once.");
        }

        _generator.Begin();
        _started = true;
        return Run();
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private IEnumerator<GeneratedToken> Run()
    {
        var run = new GenerationRun(_generator, _request);
        try
        {
            run.Prefill(_cancellationToken);
            while (!run.IsFinished)
            {
                _cancellationToken.ThrowIfCancellationRequested();
                yield return run.Next();
            }
        }
        finally
        {
            run.End();
            _result = run.ToResult();
            _generator.End();
        }
    }
}
