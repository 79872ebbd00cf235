using Personalize.Core.Tokenization;
using Personalize.Inference.Generation;

namespace Personalize.Inference.Chat.Schemas;

/// <summary>
/// Leaves only those tokens with which a text remains the beginning of a document of the schema, and of the special tokens only those that end the turn, once the document is complete.
/// Near the end of the tokens that there are it leaves only tokens after which the document can still be completed, so the limit does not cut a document that has room at all.
/// After warm-up nothing is allocated. Not thread-safe; serves one text after another.
/// </summary>
/// <remarks>
/// A token needs at least one byte and every byte of the grammar has a token of its own, so a document that is n bytes from its end can be ended with n tokens. A token is left when after it
/// <c>n &lt;= max(rest - 2, before - 1)</c>: one of the rest is the token itself, one the end of the turn; and one byte nearer to the end is always allowed, so there always is a token.
/// </remarks>
internal sealed class JsonConstraint : ITokenConstraint
{
    private const int RememberedMasks = 128;

    private readonly VocabularyTrie _trie;
    private readonly ITokenizer _tokenizer;
    private readonly GrammarAutomaton _automaton;
    private readonly Dictionary<int, int> _slots = new(RememberedMasks);
    private readonly Mask[] _masks = new Mask[RememberedMasks];
    private readonly ulong[] _limited;
    private readonly int[] _path;
    private int _oldest;
    private int _configuration;
    private int _rest;

    /// <summary>Starts an automaton for a grammar.</summary>
    public JsonConstraint(JsonGrammar grammar, VocabularyTrie trie, ITokenizer tokenizer)
    {
        _trie = trie;
        _tokenizer = tokenizer;
        _automaton = grammar.CreateAutomaton(horizon: trie.MaximumLength);
        _limited = new ulong[(trie.VocabularySize + 63) / 64];
        _path = new int[trie.MaximumLength + 1];
        _configuration = _automaton.Start;
    }

    /// <summary>Whether what was accepted is a whole document.</summary>
    public bool IsComplete => _automaton.IsComplete(_configuration);

    /// <summary>Begins a document.</summary>
    /// <param name="maxTokens">How many tokens there will be at most, the end of the turn included.</param>
    public void Begin(int maxTokens)
    {
        _configuration = _automaton.Start;
        _rest = maxTokens;
    }

    /// <inheritdoc/>
    public void Apply(Span<float> logits)
    {
        var allowed = Allowed();
        var isComplete = IsComplete;
        for (var word = 0; word << 6 < logits.Length; word++)
        {
            var bits = allowed[word];
            var first = word << 6;
            var group = logits[first..Math.Min(first + 64, logits.Length)];
            if (bits == 0 && !isComplete)
            {
                group.Fill(float.NegativeInfinity);
                continue;
            }

            for (var i = 0; i < group.Length && bits != ulong.MaxValue; i++)
            {
                if ((bits & (1UL << i)) == 0 && !(isComplete && _tokenizer.StopTokens.Contains(first + i)))
                {
                    group[i] = float.NegativeInfinity;
                }
            }
        }
    }

    /// <inheritdoc/>
    public void Accept(int token)
    {
        _rest--;
        if (_tokenizer.StopTokens.Contains(token))
        {
            return;
        }

        foreach (var value in _tokenizer.GetTokenBytes(token))
        {
            _configuration = _automaton.Next(_configuration, value);
            if (_configuration == GrammarAutomaton.Dead)
            {
                _configuration = _automaton.Start;
                throw new InvalidOperationException($"token {token} does not fit the schema here");
            }
        }

        if (_automaton.Trim(ref _configuration))
        {
            _slots.Clear();
        }
    }

    private ReadOnlySpan<ulong> Allowed()
    {
        var limit = Math.Max(_rest - 2, _automaton.Distance(_configuration) - 1);
        var configuration = _automaton.Canonical(_configuration);
        if (!_slots.TryGetValue(configuration, out var slot))
        {
            slot = Free();
            ref var mask = ref _masks[slot];
            mask.Allowed ??= new ulong[_limited.Length];
            mask.Configuration = configuration;
            mask.Farthest = _trie.Mark(_automaton, configuration, GrammarAutomaton.Unreachable, _path, mask.Allowed);
            _slots.Add(configuration, slot);
        }

        if (_masks[slot].Farthest <= limit)
        {
            return _masks[slot].Allowed;
        }

        _trie.Mark(_automaton, configuration, limit, _path, _limited);
        return _limited;
    }

    // The slots are reused in turn.
    private int Free()
    {
        var slot = _oldest;
        _oldest = (_oldest + 1) % RememberedMasks;
        if (_masks[slot].Allowed is not null && _slots.TryGetValue(_masks[slot].Configuration, out var holder) && holder == slot)
        {
            _slots.Remove(_masks[slot].Configuration);
        }

        return slot;
    }

    private struct Mask
    {
        public ulong[]? Allowed;
        public int Configuration;
        public int Farthest;
    }
}
