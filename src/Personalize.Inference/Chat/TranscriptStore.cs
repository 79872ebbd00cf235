using Personalize.Core.Tokenization;

namespace Personalize.Inference.Chat;

/// <summary>The transcripts of the latest conversations, the one used longest ago forgotten first. Safe to use from several threads.</summary>
internal sealed class TranscriptStore(int capacity)
{
    private readonly Lock _gate = new();

    // The latest last.
    private readonly List<Transcript> _transcripts = [];

    /// <summary>The transcript of which a prompt repeats the most answers, the latest at ties.</summary>
    /// <returns>The transcript and the number of answers; null and 0 where there is none.</returns>
    public (Transcript? Transcript, int Answers) Find(RenderedPrompt prompt)
    {
        var contents = Transcript.Contents(prompt);
        lock (_gate)
        {
            var (best, answers) = ((Transcript?)null, 0);
            foreach (var transcript in _transcripts)
            {
                var count = transcript.Match(prompt, contents);
                if (count > 0 && count >= answers)
                {
                    (best, answers) = (transcript, count);
                }
            }

            return (best, answers);
        }
    }

    /// <summary>Remembers a transcript.</summary>
    /// <param name="transcript">The conversation after its latest answer.</param>
    /// <param name="before">What it grew out of, which it replaces; null where the conversation is new or went another way.</param>
    public void Add(Transcript transcript, Transcript? before)
    {
        lock (_gate)
        {
            if (before is not null)
            {
                _transcripts.Remove(before);
            }

            _transcripts.Add(transcript);
            if (_transcripts.Count > capacity)
            {
                _transcripts.RemoveAt(0);
            }
        }
    }
}
